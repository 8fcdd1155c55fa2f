using System.CommandLine;
using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands.Domains;

/// <summary><c>trackctl certificates</c>: the certificates of tracking domains, the attempts to get them, and the
/// accounts at the authorities.</summary>
internal static class CertificatesCommand
{
    public static Command Create(Connection connection) =>
        new("certificates", "Works with the certificates of tracking domains. Ends with 3 when a name has none that is "
            + "valid, does not exist, or is in a state that does not allow the command, and when waiting is "
            + "interrupted.")
        {
            Status(connection),
            Retry(connection),
            OwnHostsCommand.Create(connection),
            CertificateRequestCommands.Test(connection),
            CertificateRequestCommands.Revoke(connection),
            CertificateRequestCommands.Register(connection),
            CertificateRequestCommands.ChangeKey(connection),
            CertificateRequestCommands.Accounts(connection),
        };

    /// <summary>The state of a certificate for people.</summary>
    public static void Print(Terminal terminal, JsonNode tls)
    {
        terminal.Line($"Certificate:   {PrintDomain.Tls(tls)}");
        Line("Issuer:        ", tls["issuer"]);
        Line("Valid from:    ", tls["notBefore"]);
        Line("Renewed at:    ", tls["renewAt"]);
        Line("Last failure:  ", tls["error"]);
        Line("What to do:    ", tls["advice"]);
        Line("Its turn:      ", tls["expectedAt"]);
        Line("Goes on after: ", tls["pausedUrl"]);
        Line("Next attempt:  ", tls["nextAttempt"]);

        void Line(string label, JsonNode? value)
        {
            if (value is not null)
            {
                terminal.Line(label + value);
            }
        }
    }

    /// <summary>Whether a certificate is in use, or ended by somebody in front.</summary>
    public static bool IsValid(JsonNode tls) => (string?)tls["status"] is "active" or "external";

    /// <summary>Shows a certificate and the attempts to get it.</summary>
    public static int ShowStatus(ApiAnswer answer, Terminal terminal)
    {
        if (!answer.IsDone)
        {
            return DomainsCommand.Report(answer, terminal);
        }

        if (terminal.Json)
        {
            terminal.Document(answer.Json);
        }
        else
        {
            terminal.Line($"{answer.Json["hostname"]}");
            Print(terminal, answer.Json["tls"]!);
            PrintAttempts(terminal, answer.Json["items"]!.AsArray());
        }

        return IsValid(answer.Json["tls"]!) ? ExitCode.Done : ExitCode.WrongState;
    }

    /// <summary>Shows the answer to a retry.</summary>
    public static int ShowRetry(ApiAnswer answer, Terminal terminal)
    {
        if (!answer.IsDone)
        {
            return DomainsCommand.Report(answer, terminal);
        }

        if (terminal.Json)
        {
            terminal.Document(answer.Json);
        }
        else
        {
            Print(terminal, answer.Json);
        }

        return ExitCode.Done;
    }

    private static Command Status(Connection connection)
    {
        var name = DomainsCommand.Name();
        var cluster = Connection.Cluster();
        var command = new Command("status", "Shows a certificate and the last 20 steps on the way to it; ends with 0 "
            + "when there is one that is valid, with 3 when not.")
        {
            name, cluster,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) => ShowStatus(
                await api.GetAsync(
                    DomainsCommand.Path(id, parsed.GetValue(name)) + "/certificate?limit=20", cancellationToken),
                terminal),
            cancellationToken));
        return command;
    }

    private static Command Retry(Connection connection)
    {
        var name = DomainsCommand.Name();
        var cluster = Connection.Cluster();
        var command = new Command("retry", "Tries to get a certificate now, after the cause of a failure is corrected; "
            + "status shows the result.")
        {
            name, cluster,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) => ShowRetry(
                await api.PostAsync(
                    DomainsCommand.Path(id, parsed.GetValue(name)) + "/certificate/retry", null, cancellationToken),
                terminal),
            cancellationToken));
        return command;
    }

    private static void PrintAttempts(Terminal terminal, JsonArray attempts)
    {
        if (attempts.Count == 0)
        {
            return;
        }

        terminal.Line("");
        var table = new TextTable("AT", "AUTHORITY", "STEP", "RESULT", "NEXT", "WHY");
        foreach (var attempt in attempts)
        {
            table.Add(
                (string?)attempt!["at"],
                Uri.TryCreate((string?)attempt["authority"], UriKind.Absolute, out var authority)
                    ? authority.Host : "-",
                (string?)attempt["step"],
                (bool)attempt["succeeded"]! ? "done" : "failed",
                (string?)attempt["nextAt"],
                (string?)attempt["problem"]?["detail"]);
        }

        table.WriteTo(terminal);
    }
}

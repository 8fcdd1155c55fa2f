using System.CommandLine;
using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands.Domains;

/// <summary><c>trackctl certificates test|revoke|register|change-key|accounts</c>: requests to the certificate service.
/// The command waits for the end of the request and prints its steps.</summary>
internal static class CertificateRequestCommands
{
    // The pause between two readings of the request, short enough for a person who watches.
    private static readonly TimeSpan _look = TimeSpan.FromSeconds(1);

    /// <summary><c>test</c>: tests whether a name would get a certificate.</summary>
    public static Command Test(Connection connection)
    {
        var (name, cluster, wait) = (DomainsCommand.Name(), Connection.Cluster(), Wait(180));
        var command = new Command("test", "Says whether a name would get a certificate: looks at its addresses and at CAA "
            + "and, where a test environment is configured, orders one there that is thrown away. Ends with 3 when it "
            + "would not.")
        {
            name, cluster, wait,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, (api, id, terminal) => AskAsync(
                api, terminal, DomainsCommand.Path(id, parsed.GetValue(name)) + "/certificate", "test", null,
                parsed.GetValue(wait), cancellationToken),
            cancellationToken));
        return command;
    }

    /// <summary><c>revoke</c>: has a certificate revoked.</summary>
    public static Command Revoke(Connection connection)
    {
        var (name, cluster, wait) = (DomainsCommand.Name(), Connection.Cluster(), Wait(180));
        var reason = new Option<string>("--reason")
        {
            Description = "Why: keyCompromise (somebody else may have the key), superseded, cessationOfOperation or "
                + "unspecified",
            HelpName = "REASON",
            Required = true,
        };
        reason.AcceptOnlyFromAmong("keyCompromise", "superseded", "cessationOfOperation", "unspecified");
        var now = new Option<bool>("--now")
        {
            Description = "Stops serving it at once; without --now another certificate is waited for first, an hour at "
                + "most",
        };
        var command = new Command("revoke", "Has the certificate in use revoked. An active name gets another one, with "
            + "another key.")
        {
            name, cluster, reason, now, wait,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, (api, id, terminal) => AskAsync(
                api, terminal, DomainsCommand.Path(id, parsed.GetValue(name)) + "/certificate", "revoke",
                new JsonObject { ["reason"] = parsed.GetValue(reason), ["replace"] = !parsed.GetValue(now) },
                parsed.GetValue(wait), cancellationToken),
            cancellationToken));
        return command;
    }

    /// <summary><c>register</c>: opens or registers the accounts.</summary>
    public static Command Register(Connection connection) => OfAccounts(
        connection, "register", "Opens the accounts at the configured authorities now, and makes another where an "
            + "authority has closed one. Terms of service are accepted by configuration only.");

    /// <summary><c>change-key</c>: gives the accounts new keys.</summary>
    public static Command ChangeKey(Connection connection) => OfAccounts(
        connection, "change-key", "Gives the accounts at the authorities other keys. Their URLs stay, and with them CAA "
            + "records that name them.");

    /// <summary><c>accounts</c>: lists the accounts.</summary>
    public static Command Accounts(Connection connection)
    {
        var command = new Command("accounts", "Lists the accounts at the certificate authorities, and how many new "
            + "names wait for room in a limit of each.");
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, async (api, terminal) =>
        {
            var answer = await api.GetAsync("certificate-accounts", cancellationToken);
            if (!answer.IsDone)
            {
                return answer.Report(terminal);
            }

            if (terminal.Json)
            {
                terminal.Document(answer.Json);
                return ExitCode.Done;
            }

            var table = new TextTable("AUTHORITY", "ACCOUNT", "KEY SINCE", "REFUSED", "WAITING", "UNTIL").Right(4);
            foreach (var account in answer.Json["items"]!.AsArray())
            {
                table.Add(
                    (string?)account!["directory"],
                    (string?)account["url"] ?? "none yet",
                    (string?)account["keyChangedAt"] ?? (string?)account["createdAt"],
                    (string?)account["refused"] ?? "-",
                    $"{account["waiting"]}",
                    (string?)account["waitingUntil"] ?? "-");
            }

            table.WriteTo(terminal);
            return ExitCode.Done;
        }));
        return command;
    }

    private static Command OfAccounts(Connection connection, string verb, string description)
    {
        var authority = new Option<string?>("--authority")
        {
            Description = "The ACME directory of one authority; default all of them",
            HelpName = "URL",
        };
        var wait = Wait(60);
        var command = new Command(verb, description + " Ends with 3 when one of them is not right.") { authority, wait };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, (api, terminal) => AskAsync(
            api, terminal, "certificate-accounts",
            verb + (parsed.GetValue(authority) is { } url ? "?directory=" + Query.Escape(url) : ""), null,
            parsed.GetValue(wait), cancellationToken)));
        return command;
    }

    private static Option<int> Wait(int seconds) => new("--timeout")
    {
        Description = $"The longest to wait for the end, in seconds; default {seconds}, 0: does not wait",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => seconds,
    };

    // The verb may have a query.
    private static async Task<int> AskAsync(
        TrackingApi api,
        Terminal terminal,
        string path,
        string verb,
        JsonNode? body,
        int seconds,
        CancellationToken cancellationToken)
    {
        var answer = await api.PostAsync($"{path}/{verb}", body, cancellationToken);
        var until = TimeProvider.System.GetUtcNow().AddSeconds(seconds);
        var id = answer.IsDone ? (string?)answer.Json["id"] : null;
        while (answer.IsDone && (string?)answer.Json["status"] == "waiting"
            && TimeProvider.System.GetUtcNow() < until)
        {
            await Task.Delay(_look, cancellationToken);
            answer = await api.GetAsync($"{path}/requests/{id}", cancellationToken);
        }

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

        return (string?)answer.Json["status"] switch
        {
            "succeeded" => ExitCode.Done,
            "waiting" when seconds == 0 => ExitCode.Done,
            "waiting" => ExitCode.Unavailable,
            _ => ExitCode.WrongState,
        };
    }

    private static void Print(Terminal terminal, JsonObject request)
    {
        foreach (var step in request["steps"]!.AsArray())
        {
            var authority = Uri.TryCreate((string?)step!["authority"], UriKind.Absolute, out var url)
                ? $" ({url.Host})" : "";
            terminal.Line(
                $"{((bool)step["succeeded"]! ? "right" : "WRONG")}  {step["step"]}{authority}: {step["text"]}");
            if ((string?)step["advice"] is { } advice)
            {
                terminal.Line($"       {advice}");
            }
        }

        if ((string?)request["status"] == "waiting")
        {
            terminal.Line("It has not ended yet. If nothing happens, no certificate service with an authority runs.");
        }
    }
}

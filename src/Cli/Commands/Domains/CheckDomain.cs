using System.CommandLine;
using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands.Domains;

/// <summary><c>trackctl domains check</c>: checks a name that is not added.</summary>
internal static class CheckDomain
{
    public static Command Create(Connection connection)
    {
        var name = DomainsCommand.Name();
        var verbose = DomainsCommand.Verbose();
        var command = new Command("check", "Says whether a name can be added, what DNS answers for it now, which "
            + "authorities may issue a certificate for it (CAA), and whether a parent demands https (HSTS).")
        {
            name, verbose,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, async (api, terminal) =>
        {
            var answer = await api.PostAsync(
                "tracking-domains/check", new JsonObject { ["hostname"] = parsed.GetValue(name) }, cancellationToken);
            if (!answer.IsDone)
            {
                return DomainsCommand.Report(answer, terminal);
            }

            var isAccepted = (bool?)answer.Json["accepted"] == true;
            if (terminal.Json)
            {
                terminal.Document(answer.Json);
            }
            else if (!isAccepted)
            {
                terminal.Complain($"The name cannot be added: {answer.Json["reason"]}");
            }
            else
            {
                terminal.Line($"{answer.Json["unicode"]} could be added.");
                PrintAuthorities(terminal, answer.Json);
                PrintHttps(terminal, answer.Json);
                if (answer.Json["diagnosis"] is JsonObject diagnosis)
                {
                    PrintDiagnosis.To(terminal, diagnosis, parsed.GetValue(verbose));
                }
            }

            return isAccepted ? ExitCode.Done : ExitCode.WrongState;
        }));
        return command;
    }

    // The answer of an older server has no CAA records.
    private static void PrintAuthorities(Terminal terminal, JsonObject answer)
    {
        if (!answer.ContainsKey("caa"))
        {
            return;
        }

        if (answer["caa"] is not JsonArray records)
        {
            terminal.Line("CAA      unknown: DNS did not answer, and then authorities issue no certificate");
            return;
        }

        if (records.Count == 0)
        {
            terminal.Line("CAA      none: every authority may issue");
        }

        foreach (var record in records)
        {
            terminal.Line($"CAA      {record} (at {answer["caaFoundAt"]})");
        }
    }

    // A server of a version before says nothing of it.
    private static void PrintHttps(Terminal terminal, JsonObject answer)
    {
        if (answer["httpsForced"] is { } isForced)
        {
            terminal.Line((bool)isForced
                ? "https    demanded by a parent (HSTS): it cannot be optional"
                : "https    no parent was found to demand it (HSTS)");
        }
    }
}

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
        var command = new Command("check", "Says whether a name could be added and what DNS says of it now.")
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
                if (answer.Json["diagnosis"] is JsonObject diagnosis)
                {
                    PrintDiagnosis.To(terminal, diagnosis, parsed.GetValue(verbose));
                }
            }

            return isAccepted ? ExitCode.Done : ExitCode.WrongState;
        }));
        return command;
    }
}

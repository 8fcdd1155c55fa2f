using System.CommandLine;
using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands.Domains;

/// <summary><c>trackctl domains delete</c>: shows which links would stop working, and asks for the name before it
/// deletes.</summary>
internal static class DeleteDomain
{
    public static Command Create(Connection connection)
    {
        var name = DomainsCommand.Name();
        var cluster = Connection.Cluster();
        var yes = new Option<string?>("--yes")
        {
            Description = "The name once more: do not ask",
            HelpName = "NAME",
        };
        var dryRun = new Option<bool>("--dry-run")
        {
            Description = "Delete nothing, only count the links that would stop working",
        };
        var command = new Command("delete", "Deletes a tracking domain: links on it stop at once, for good. retire is "
            + "the mild way.")
        {
            name, cluster, yes, dryRun,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            var path = DomainsCommand.Path(id, parsed.GetValue(name));
            var risk = await api.DeleteAsync($"{path}?dryRun=true", cancellationToken);
            if (!risk.IsDone)
            {
                return DomainsCommand.Report(risk, terminal);
            }

            if (parsed.GetValue(dryRun))
            {
                return Print(risk, terminal);
            }

            var hostname = (string)risk.Json["hostname"]!;
            var typed = parsed.GetValue(yes) ?? await AskAsync(hostname, risk.Json, terminal, cancellationToken);
            if (!hostname.Equals(typed?.Trim(), StringComparison.OrdinalIgnoreCase)
                && typed?.Trim() != parsed.GetValue(name))
            {
                terminal.Complain(parsed.GetValue(yes) is null
                    ? "Nothing is deleted."
                    : $"--yes: got '{typed}', takes the name that is to be deleted, {hostname}.");
                return ExitCode.Usage;
            }

            var answer = await api.DeleteAsync(path, cancellationToken);
            return answer.IsDone ? Print(answer, terminal) : DomainsCommand.Report(answer, terminal);
        }, cancellationToken));
        return command;
    }

    private static async Task<string?> AskAsync(
        string hostname, JsonObject risk, Terminal terminal, CancellationToken cancellationToken)
    {
        terminal.Complain(Describe(risk, "would stop"));
        terminal.Complain("trackctl domains retire keeps these links working and makes no new ones.");
        terminal.Complain($"Type the name {hostname} to delete it for good:");
        return await Console.In.ReadLineAsync(cancellationToken);
    }

    private static int Print(ApiAnswer answer, Terminal terminal)
    {
        if (terminal.Json)
        {
            terminal.Document(answer.Json);
            return ExitCode.Done;
        }

        var isDeleted = (bool?)answer.Json["deleted"] == true;
        if (isDeleted)
        {
            terminal.Line($"{answer.Json["hostname"]} is deleted.");
        }

        terminal.Line(Describe(answer.Json, isDeleted ? "stopped" : "would stop"));
        return ExitCode.Done;
    }

    private static string Describe(JsonObject risk, string what)
    {
        var links = $"{Count(risk["links"])} links in {Count(risk["messages"])} messages {what}; "
            + $"{Count(risk["clicksLastWeek"])} clicks in the last seven days";
        return risk["lastClickAt"] is { } last ? $"{links}, the last one at {last}." : links + ".";
    }

    // The links could not be counted in time, because there are too many.
    private static string Count(JsonNode? number) => number?.ToString() ?? "very many";
}

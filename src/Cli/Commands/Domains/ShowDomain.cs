using System.CommandLine;

namespace Tracking.Cli.Commands.Domains;

/// <summary><c>trackctl domains show</c>.</summary>
internal static class ShowDomain
{
    public static Command Create(Connection connection)
    {
        var name = DomainsCommand.Name();
        var cluster = Connection.Cluster();
        var checks = new Option<bool>("--checks") { Description = "The last 20 checks instead" };
        var verbose = DomainsCommand.Verbose();
        var command = new Command("show", "Shows a tracking domain: its record, its state, the last answers of DNS.")
        {
            name, cluster, checks, verbose,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            var path = DomainsCommand.Path(id, parsed.GetValue(name));
            if (!parsed.GetValue(checks))
            {
                return DomainsCommand.Print(
                    await api.GetAsync(path, cancellationToken), terminal, parsed.GetValue(verbose));
            }

            var answer = await api.GetAsync($"{path}/checks?limit=20", cancellationToken);
            if (!answer.IsDone)
            {
                return DomainsCommand.Report(answer, terminal);
            }

            if (terminal.Json)
            {
                terminal.Document(answer.Json);
                return ExitCode.Done;
            }

            var table = new TextTable("AT", "CAUSE", "OUTCOME", "EFFECT", "FOUND");
            foreach (var check in answer.Json["items"]!.AsArray())
            {
                table.Add(
                    (string?)check!["at"],
                    (string?)check["cause"],
                    (string?)check["outcome"],
                    (string?)check["effect"],
                    check["diagnosis"]?["findings"]?.AsArray().FirstOrDefault()?["text"]?.ToString());
            }

            table.WriteTo(terminal);
            return ExitCode.Done;
        }, cancellationToken));
        return command;
    }
}

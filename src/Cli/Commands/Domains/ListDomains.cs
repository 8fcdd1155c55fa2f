using System.CommandLine;
using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands.Domains;

/// <summary><c>trackctl domains list</c>.</summary>
internal static class ListDomains
{
    public static Command Create(Connection connection)
    {
        var cluster = Connection.Cluster();
        var status = new Option<string?>("--status") { Description = "pending or active", HelpName = "STATUS" };
        var search = new Option<string?>("--search") { Description = "A part of the name", HelpName = "TEXT" };
        var command = new Command("list", "Lists the tracking domains of a cluster.") { cluster, status, search };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            var items = new JsonArray();
            string? after = null;
            do
            {
                var query = Query.Of(
                    ("limit", "500"),
                    ("status", parsed.GetValue(status)),
                    ("q", parsed.GetValue(search)),
                    ("after", after));
                var answer = await api.GetAsync(DomainsCommand.Path(id) + query, cancellationToken);
                if (!answer.IsDone)
                {
                    return DomainsCommand.Report(answer, terminal);
                }

                Query.MoveItems(answer.Json, items);
                after = (string?)answer.Json["next"];
            }
            while (after is not null);

            if (terminal.Json)
            {
                terminal.Document(new JsonObject { ["items"] = items });
                return ExitCode.Done;
            }

            Print(items, terminal);
            return ExitCode.Done;
        }, cancellationToken));
        return command;
    }

    private static void Print(JsonArray items, Terminal terminal)
    {
        var table = new TextTable("NAME", "STATUS", "NEW LINKS", "CERTIFICATE", "NEXT CHECK");
        foreach (var domain in items)
        {
            var isDefault = (bool?)domain!["isDefault"] == true;
            table.Add(
                (string?)domain["unicode"],
                (string?)domain["status"],
                (bool?)domain["acceptsNewLinks"] == true ? isDefault ? "yes, the default" : "yes"
                    : $"no: {domain["why"]}",
                (string?)domain["tls"]?["status"],
                (string?)domain["nextCheck"]);
        }

        table.WriteTo(terminal);
    }
}

using System.CommandLine;

namespace Tracking.Cli.Commands;

/// <summary><c>trackctl stats</c>.</summary>
internal static class StatsCommand
{
    public static Command Create(Connection connection)
    {
        var cluster = Connection.Cluster();
        var groupBy = new Option<string?>("--group-by")
        {
            Description = "day, hour, link, message, tag, position, recipientDomain, client; not given: totals",
            HelpName = "WHAT",
        };
        var from = new Option<string?>("--from") { Description = "At or after (RFC 3339, or a date in UTC)" };
        var to = new Option<string?>("--to") { Description = "Before (RFC 3339, or a date in UTC)" };
        var human = new Option<string?>("--human")
        {
            Description = "true: without recognised machines; false: those only; all (default)",
            HelpName = "true|false|all",
        };
        var limit = new Option<int?>("--limit") { Description = "Rows at most; default 1000" };
        var zone = new Option<string?>("--time-zone")
        {
            Description = "Where days and hours begin, such as Europe/Lisbon; default UTC",
            HelpName = "ZONE",
        };
        var command = new Command("stats", "Counts clicks and opens.")
        {
            cluster, groupBy, from, to, human, zone, limit, RebuildStatsCommand.Create(connection),
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            var query = Query.Of(
                ("groupBy", parsed.GetValue(groupBy)),
                ("from", parsed.GetValue(from)),
                ("to", parsed.GetValue(to)),
                ("human", parsed.GetValue(human)),
                ("timeZone", parsed.GetValue(zone)),
                ("limit", parsed.GetValue(limit)?.ToString(System.Globalization.CultureInfo.InvariantCulture)));
            var answer = await api.GetAsync(
                $"clusters/{Query.Escape(id)}/stats{query}", cancellationToken);
            if (answer.IsDone)
            {
                Print(answer, terminal);
                return ExitCode.Done;
            }

            return answer.Report(terminal);
        }, cancellationToken));
        return command;
    }

    private static void Print(ApiAnswer answer, Terminal terminal)
    {
        if (terminal.Json)
        {
            terminal.Document(answer.Json);
            return;
        }

        var rows = answer.Json["rows"]!.AsArray();
        var labels = rows.Any(row => row!["label"] is not null);
        var messages = rows.Any(row => row!["messages"] is not null);
        var openers = rows.Any(row => row!["openers"] is not null);
        string[] headings =
        [
            ((string)answer.Json["groupBy"]!).ToUpperInvariant(),
            "CLICKS", "OPENS", "UNIQUE CLICKS", "UNIQUE OPENS",
            .. openers ? ["OPENERS"] : Array.Empty<string>(),
            .. messages ? ["MESSAGES"] : Array.Empty<string>(),
            .. labels ? [""] : Array.Empty<string>(),
        ];
        var table = new TextTable(headings)
            .Right(1, 2, 3, 4).Right(openers ? [5] : []).Right(messages ? [openers ? 6 : 5] : []);
        foreach (var row in rows)
        {
            table.Add(
            [
                (string?)row!["key"],
                row["clicks"]!.ToString(), row["opens"]!.ToString(),
                row["uniqueClicks"]!.ToString(), row["uniqueOpens"]!.ToString(),
                .. openers ? [row["openers"]?.ToString() ?? ""] : Array.Empty<string>(),
                .. messages ? [row["messages"]?.ToString() ?? "0"] : Array.Empty<string>(),
                .. labels ? [(string?)row["label"] ?? ""] : Array.Empty<string>(),
            ]);
        }

        table.WriteTo(terminal);
        if ((bool)answer.Json["truncated"]!)
        {
            terminal.Complain("There are more rows; --limit shows them.");
        }
    }
}

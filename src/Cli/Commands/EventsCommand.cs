using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands;

/// <summary><c>trackctl events</c>: shows the last events, and with <c>--follow</c> every new one.</summary>
internal static class EventsCommand
{
    private const int DefaultLimit = 20;

    public static Command Create(Connection connection)
    {
        var cluster = Connection.Cluster();
        var follow = new Option<bool>("--follow", "-f")
        {
            Description = "Then show every new event until Ctrl-C",
        };
        var limit = new Option<int>("--limit", "-n")
        {
            Description = $"How many of the last events to begin with; default {DefaultLimit}, at most 500",
            DefaultValueFactory = _ => DefaultLimit,
        };
        var filters = Filters();
        var range = Range();
        var command = new Command("events", "Shows clicks and opens, the newest last.")
        {
            cluster, follow, limit, ExplainEventCommand.Create(connection),
            ExportCommand.Create(connection, [.. Filters(), .. Range()]),
        };
        foreach (var option in filters.Concat(range))
        {
            command.Options.Add(option);
        }

        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            if (parsed.GetValue(follow) && range.Any(option => parsed.GetValue(option) is not null))
            {
                terminal.Complain("--follow goes on from now; it takes neither --from nor --to.");
                return ExitCode.Usage;
            }

            var path = $"clusters/{Query.Escape(id)}/events?";
            var count = parsed.GetValue(limit).ToString(CultureInfo.InvariantCulture);
            var last = await api.GetAsync(
                $"{path}limit={count}{Parameters(parsed, filters)}{Parameters(parsed, range)}", cancellationToken);
            if (!last.IsDone)
            {
                return last.ReportLine(terminal);
            }

            var events = new JsonArray();
            Query.MoveItems(last.Json, events);
            foreach (var tracked in events.Reverse())
            {
                Print(tracked!.AsObject(), terminal);
            }

            if (!parsed.GetValue(follow))
            {
                return ExitCode.Done;
            }

            try
            {
                return await new WatchEvents(
                    api, path + Parameters(parsed, filters).TrimStart('&'), terminal, TimeProvider.System)
                    .RunAsync(events, last.Date, tracked => Print(tracked, terminal), cancellationToken);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                // Only Ctrl-C ends it, and all printed lines are complete.
                return ExitCode.Done;
            }
        }, cancellationToken));
        return command;
    }

    /// <summary>The parameters of those options that are given.</summary>
    public static string Parameters(ParseResult parsed, IEnumerable<Option<string?>> options) => string.Concat(options
        .Where(option => parsed.GetValue(option) is not null)
        .Select(option => $"&{option.Name[2..]}={Query.Escape(parsed.GetValue(option))}"));

    private static Option<string?>[] Filters() =>
    [
        Filter("--kind", "click, open, image, honeypot; several with commas"),
        Filter("--message", "A message's id"),
        Filter("--recipient", "A recipient"),
        Filter("--link", "A link's id"),
        Filter("--verdict", "human, proxy, prefetch, preview, scanner, unknown; several with commas"),
        Filter("--human", "true: without recognised machines; false: those only; all (default)"),
    ];

    private static Option<string?>[] Range() =>
    [
        Filter("--from", "At or after (RFC 3339, or a date in UTC)"),
        Filter("--to", "Before (RFC 3339, or a date in UTC)"),
    ];

    private static Option<string?> Filter(string name, string description) => new(name) { Description = description };

    private static void Print(JsonObject tracked, Terminal terminal)
    {
        if (terminal.Json)
        {
            terminal.JsonLine(tracked);
            return;
        }

        var classification = tracked["classification"];
        var vendor = (string?)classification?["vendor"];
        var link = tracked["link"];
        var name = (string?)link?["name"];
        string?[] parts =
        [
            (string?)tracked["time"],
            $"{tracked["kind"],-5}",
            $"{classification?["verdict"]}{(vendor is null ? "" : $" ({vendor})")}",
            (string?)tracked["recipient"] ?? $"message {tracked["messageId"] ?? tracked["message"]}",
            string.IsNullOrEmpty(name) ? null : $"\"{name}\"",
            (string?)link?["url"],
            (string?)tracked["clientAddress"],
            (string?)tracked["userAgent"],
        ];
        terminal.Line(string.Join("  ", parts.Where(part => !string.IsNullOrEmpty(part))));
    }
}

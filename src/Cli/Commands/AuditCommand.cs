using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands;

/// <summary><c>trackctl audit</c>: lists changes and who made them.</summary>
internal static class AuditCommand
{
    private const int DefaultLimit = 50;

    public static Command Create(Connection connection)
    {
        var cluster = new Option<string?>("--cluster")
        {
            Description = "Only this cluster's",
            HelpName = FindClusterByName.HelpName,
        };
        var action = new Option<string?>("--action") { Description = "Only this, such as delete-tracking-domain" };
        var subject = new Option<string?>("--subject") { Description = "Only of this host name, key or cluster" };
        var from = new Option<string?>("--from") { Description = "At or after (RFC 3339, or a date in UTC)" };
        var to = new Option<string?>("--to") { Description = "Before (RFC 3339, or a date in UTC)" };
        var limit = new Option<int>("--limit", "-n")
        {
            Description = $"How many of the last changes; default {DefaultLimit}, at most 500",
            DefaultValueFactory = _ => DefaultLimit,
        };
        var command = new Command("audit", "Shows who changed what, the newest last.")
        {
            cluster, action, subject, from, to, limit,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, async (api, terminal) =>
        {
            // An id is used without a look-up, because a deleted cluster is not found but its changes still exist.
            var named = parsed.GetValue(cluster);
            if (named is not null)
            {
                var (id, refusal) = await FindClusterByName.FindAsync(api, named, cancellationToken);
                if (refusal is not null && !FindClusterByName.IsId(named))
                {
                    return refusal.Report(terminal);
                }

                named = id;
            }

            var query = Query.Of(
                ("cluster", named),
                ("action", parsed.GetValue(action)),
                ("subject", parsed.GetValue(subject)),
                ("from", parsed.GetValue(from)),
                ("to", parsed.GetValue(to)),
                ("limit", parsed.GetValue(limit).ToString(CultureInfo.InvariantCulture)));
            var answer = await api.GetAsync("audit-log" + query, cancellationToken);
            if (!answer.IsDone)
            {
                return answer.Report(terminal);
            }

            Print(answer.Json, terminal);
            return ExitCode.Done;
        }));
        return command;
    }

    private static void Print(JsonObject page, Terminal terminal)
    {
        if (terminal.Json)
        {
            terminal.Document(page);
            return;
        }

        var table = new TextTable("AT", "WHO", "WHAT", "OF", "CLUSTER", "CHANGE");
        foreach (var entry in page["items"]!.AsArray().Reverse())
        {
            table.Add(
                (string?)entry!["at"],
                (string?)entry["actor"],
                (string?)entry["action"],
                (string?)entry["subject"],
                (string?)entry["cluster"],
                Change(entry["before"], entry["after"], ""));
        }

        table.WriteTo(terminal);
    }

    // Only changed members are printed. The JSON has the whole documents.
    private static string Change(JsonNode? before, JsonNode? after, string path)
    {
        if (before is null || after is null)
        {
            return "";
        }

        if (before is not JsonObject old || after is not JsonObject @new)
        {
            return JsonNode.DeepEquals(before, after) ? "" : $"{path}: {Text(before)} -> {Text(after)}";
        }

        var names = old.Select(member => member.Key).Union(@new.Select(member => member.Key));
        return string.Join("; ", names
            .Select(name => (path.Length == 0 ? name : $"{path}.{name}", old[name], @new[name]))
            .Select(member => member is (_, not null, not null)
                ? Change(member.Item2, member.Item3, member.Item1)
                : JsonNode.DeepEquals(member.Item2, member.Item3) ? ""
                : $"{member.Item1}: {Text(member.Item2)} -> {Text(member.Item3)}")
            .Where(text => text.Length != 0));
    }

    private static string Text(JsonNode? value) => value switch
    {
        null => "none",
        JsonArray array => array.Count == 0 ? "none" : string.Join(", ", array.Select(item => item?.ToString())),
        _ => value.ToString(),
    };
}

using System.CommandLine;
using System.Text.Json.Nodes;
using Tracking.Cli.Commands.Domains;

namespace Tracking.Cli.Commands.Destinations;

/// <summary><c>trackctl destinations</c>: changes the destinations of links that are already sent.</summary>
internal static class DestinationsCommand
{
    public static Command Create(Connection connection) =>
        new("destinations", "Blocks destinations, and repairs those of links that are already sent. Ends with 3 when "
            + "something is not there.")
        {
            Block(connection),
            Unblock(connection),
            Blocked(connection),
            Repair(connection),
            Repairs(connection),
            Undo(connection),
        };

    private static Argument<string> Pattern() => new("pattern")
    {
        Description = "example.com, *.example.com for everything below it, or with a path: example.com/account, "
            + "example.com/acc*",
    };

    private static Command Block(Connection connection)
    {
        var pattern = Pattern();
        var reason = new Option<string?>("--reason") { Description = "Why; only admins see it" };
        var command = new Command("block", "Blocks destinations for every cluster, on links already sent too.")
        {
            pattern, reason,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, async (api, terminal) =>
        {
            var body = new JsonObject { ["pattern"] = parsed.GetValue(pattern) };
            if (parsed.GetValue(reason) is { } why)
            {
                body["reason"] = why;
            }

            var answer = await api.PostAsync("blocked-destinations", body, cancellationToken);
            return Print(answer, terminal, json => terminal.Line((string)json["pattern"]!));
        }));
        return command;
    }

    private static Command Unblock(Connection connection)
    {
        var pattern = Pattern();
        var command = new Command("unblock", "Unblocks destinations; links lead there again.") { pattern };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, async (api, terminal) => Print(
            await api.DeleteAsync(
                $"blocked-destinations/{Query.Escape(parsed.GetValue(pattern))}", cancellationToken),
            terminal,
            _ => terminal.Complain($"{parsed.GetValue(pattern)} is not blocked any more."))));
        return command;
    }

    private static Command Blocked(Connection connection)
    {
        var command = new Command("blocked", "Lists blocked destinations.");
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, async (api, terminal) =>
            await ListAsync(
                api, "blocked-destinations", terminal, new TextTable("PATTERN", "SINCE", "REASON"),
                item => [(string?)item["pattern"], (string?)item["createdAt"], (string?)item["reason"]],
                cancellationToken)));
        return command;
    }

    private static Command Repair(Connection connection)
    {
        var link = new Argument<string>("link") { Description = "The link's id, as events and stats show it" };
        var url = new Argument<string>("url") { Description = "Where it is to lead" };
        var cluster = Connection.Cluster();
        var message = new Option<string?>("--message") { Description = "Within this message" };
        var tag = new Option<string?>("--tag") { Description = "Within all messages with this tag" };
        var command = new Command("repair", "Gives a sent link another destination, within one message or one tag.")
        {
            link, url, cluster, message, tag,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            var body = new JsonObject { ["link"] = parsed.GetValue(link), ["url"] = parsed.GetValue(url) };
            foreach (var (name, value) in new[]
            {
                ("message", parsed.GetValue(message)), ("tag", parsed.GetValue(tag)),
            })
            {
                if (value is not null)
                {
                    body[name] = value;
                }
            }

            return Print(
                await api.PostAsync(RepairsPath(id), body, cancellationToken),
                terminal,
                json => terminal.Line((string)json["id"]!));
        }, cancellationToken));
        return command;
    }

    private static Command Repairs(Connection connection)
    {
        var cluster = Connection.Cluster();
        var command = new Command("repairs", "Lists the cluster's repaired destinations, the newest first.") { cluster };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, (api, id, terminal) => ListAsync(
                api, RepairsPath(id), terminal, new TextTable("ID", "WITHIN", "FROM", "TO", "SINCE", "UNDONE"),
                item =>
                [
                    (string?)item["id"],
                    item["tag"] is { } tag ? $"tag {tag}" : $"message {item["message"]}",
                    (string?)item["from"],
                    (string?)item["url"],
                    (string?)item["createdAt"],
                    (string?)item["undoneAt"],
                ],
                cancellationToken),
            cancellationToken));
        return command;
    }

    private static Command Undo(Connection connection)
    {
        var repair = new Argument<string>("id") { Description = "The repair's id, from destinations repairs" };
        var cluster = Connection.Cluster();
        var command = new Command("undo", "Undoes a repair: the link leads again where it led in the mail.")
        {
            repair, cluster,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) => Print(
                await api.DeleteAsync(
                    $"{RepairsPath(id)}/{Query.Escape(parsed.GetValue(repair))}", cancellationToken),
                terminal,
                _ => terminal.Complain($"Repair {parsed.GetValue(repair)} is undone.")),
            cancellationToken));
        return command;
    }

    private static string RepairsPath(string cluster) => $"clusters/{Query.Escape(cluster)}/repairs";

    private static int Print(ApiAnswer answer, Terminal terminal, Action<JsonObject> print)
    {
        if (!answer.IsDone)
        {
            return DomainsCommand.Report(answer, terminal);
        }

        if (terminal.Json && answer.Json.Count != 0)
        {
            terminal.Document(answer.Json);
        }
        else
        {
            print(answer.Json);
        }

        return ExitCode.Done;
    }

    private static async Task<int> ListAsync(
        TrackingApi api,
        string path,
        Terminal terminal,
        TextTable table,
        Func<JsonNode, string?[]> row,
        CancellationToken cancellationToken)
    {
        var items = new JsonArray();
        string? next = null;
        do
        {
            var answer = await api.GetAsync($"{path}?limit=500{Query.After(next)}", cancellationToken);
            if (!answer.IsDone)
            {
                return DomainsCommand.Report(answer, terminal);
            }

            next = (string?)answer.Json["next"];
            Query.MoveItems(answer.Json, items);
        }
        while (next is not null);

        if (terminal.Json)
        {
            terminal.Document(new JsonObject { ["items"] = items });
            return ExitCode.Done;
        }

        foreach (var item in items)
        {
            table.Add(row(item!));
        }

        table.WriteTo(terminal);
        return ExitCode.Done;
    }
}

using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Tracking.Cli.Commands.Domains;

namespace Tracking.Cli.Commands.Webhooks;

/// <summary><c>trackctl webhooks deliveries|delivery</c>: lists deliveries, or shows one with its attempts and
/// answers.</summary>
internal static class Deliveries
{
    private const int DefaultLimit = 20;

    public static Command CreateList(Connection connection)
    {
        var (webhook, cluster) = (WebhooksCommand.Id(), Connection.Cluster());
        var status = new Option<string?>("--status") { Description = "pending, delivered or failed" };
        var type = new Option<string?>("--type") { Description = "Event types; several with commas" };
        var from = new Option<string?>("--from") { Description = "Events at or after (RFC 3339, or a date in UTC)" };
        var to = new Option<string?>("--to") { Description = "Events before (RFC 3339, or a date in UTC)" };
        var limit = new Option<int>("--limit", "-n")
        {
            Description = $"How many of the last; default {DefaultLimit}, at most 500",
            DefaultValueFactory = _ => DefaultLimit,
        };
        var command = new Command("deliveries", "Lists the deliveries of a webhook, the newest last.")
        {
            webhook, cluster, status, type, from, to, limit,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            var query = Query.Of(
                ("status", parsed.GetValue(status)), ("type", parsed.GetValue(type)), ("from", parsed.GetValue(from)),
                ("to", parsed.GetValue(to)), ("limit", parsed.GetValue(limit).ToString(CultureInfo.InvariantCulture)));
            var answer = await api.GetAsync(
                WebhooksCommand.Path(id, parsed.GetValue(webhook)) + "/deliveries" + query, cancellationToken);
            if (!answer.IsDone)
            {
                return DomainsCommand.Report(answer, terminal);
            }

            if (terminal.Json)
            {
                terminal.Document(answer.Json);
                return ExitCode.Done;
            }

            var table = new TextTable("ID", "TYPE", "OCCURRED", "STATUS", "ATTEMPTS", "NEXT").Right(4);
            foreach (var delivery in answer.Json["items"]!.AsArray().Reverse())
            {
                table.Add(
                    (string?)delivery!["id"], (string?)delivery["type"], (string?)delivery["occurredAt"],
                    (string?)delivery["status"], delivery["attemptCount"]!.ToString(), (string?)delivery["nextAttemptAt"]);
            }

            table.WriteTo(terminal);
            return ExitCode.Done;
        }, cancellationToken));
        return command;
    }

    public static Command CreateShow(Connection connection)
    {
        var (webhook, cluster) = (WebhooksCommand.Id(), Connection.Cluster());
        var delivery = new Argument<string>("delivery") { Description = "The delivery's id, from webhooks deliveries" };
        var command = new Command("delivery", "Shows a delivery with its attempts and the answers.")
        {
            webhook, delivery, cluster,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            var answer = await api.GetAsync(
                $"{WebhooksCommand.Path(id, parsed.GetValue(webhook))}/deliveries/"
                    + Query.Escape(parsed.GetValue(delivery)),
                cancellationToken);
            if (!answer.IsDone)
            {
                return DomainsCommand.Report(answer, terminal);
            }

            if (terminal.Json)
            {
                terminal.Document(answer.Json);
                return ExitCode.Done;
            }

            var found = answer.Json["delivery"]!;
            terminal.Line($"{found["type"]} of {found["occurredAt"]}: {found["status"]}"
                + (found["nextAttemptAt"] is { } next ? $", next attempt {next}" : ""));
            foreach (var attempt in answer.Json["attempts"]!.AsArray().Reverse())
            {
                PrintAttempt(attempt!, terminal);
            }

            return ExitCode.Done;
        }, cancellationToken));
        return command;
    }

    /// <summary>Prints that a delivery is queued, and the command that shows its result.</summary>
    public static int PrintSent(ApiAnswer answer, string cluster, string webhook, Terminal terminal)
    {
        if (!answer.IsDone)
        {
            return DomainsCommand.Report(answer, terminal);
        }

        if (terminal.Json)
        {
            terminal.Document(answer.Json);
            return ExitCode.Done;
        }

        terminal.Complain("The delivery is queued. This command shows its result: "
            + $"trackctl webhooks delivery {webhook} {answer.Json["id"]} --cluster {cluster}");
        terminal.Line((string)answer.Json["id"]!);
        return ExitCode.Done;
    }

    private static void PrintAttempt(JsonNode attempt, Terminal terminal)
    {
        var outcome = attempt["error"] is { } error ? (string)error! : $"answered {attempt["httpStatus"]}";
        terminal.Line($"  {attempt["number"]}. {attempt["at"]}  {attempt["tookMs"]} ms  {outcome}");
        foreach (var line in ((string?)attempt["answer"] ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            terminal.Line($"       {line.TrimEnd('\r')}");
        }
    }
}

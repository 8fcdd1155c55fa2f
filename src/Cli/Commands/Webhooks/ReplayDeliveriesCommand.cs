using System.CommandLine;
using System.Text.Json.Nodes;
using Tracking.Cli.Commands.Domains;

namespace Tracking.Cli.Commands.Webhooks;

/// <summary><c>trackctl webhooks replay</c>: sends one delivery again, all failed ones, or those of a time
/// range.</summary>
internal static class ReplayDeliveriesCommand
{
    public static Command Create(Connection connection)
    {
        var (webhook, cluster) = (WebhooksCommand.Id(), Connection.Cluster());
        var delivery = new Argument<string?>("delivery")
        {
            Description = "One delivery's id",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var failed = new Option<bool>("--failed") { Description = "All failed deliveries" };
        var all = new Option<bool>("--all") { Description = "All deliveries, successful ones too; needs --from" };
        var missing = new Option<bool>("--missing")
        {
            Description = "Clicks and opens while the webhook was disabled or did not exist yet; needs --from",
        };
        var from = new Option<string?>("--from") { Description = "Events at or after (RFC 3339, or a date in UTC)" };
        var to = new Option<string?>("--to") { Description = "Events before (RFC 3339, or a date in UTC)" };
        var command = new Command("replay", "Sends deliveries again, under the same webhook-id.")
        {
            webhook, delivery, cluster, failed, all, missing, from, to,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            var path = WebhooksCommand.Path(id, parsed.GetValue(webhook));
            string[] chosen =
            [
                .. parsed.GetValue(delivery) is null ? (string[])[] : ["one"],
                .. parsed.GetValue(failed) ? (string[])["failed"] : [],
                .. parsed.GetValue(all) ? (string[])["all"] : [],
                .. parsed.GetValue(missing) ? (string[])["missing"] : [],
            ];
            if (chosen is not [var which])
            {
                terminal.Complain("Give one of: a delivery's id, --failed, --all, --missing.");
                return ExitCode.Usage;
            }

            if (which == "one")
            {
                return Deliveries.PrintSent(
                    await api.PostAsync(
                        $"{path}/deliveries/{Query.Escape(parsed.GetValue(delivery))}/replay", null, cancellationToken),
                    id, parsed.GetValue(webhook)!, terminal);
            }

            var answer = await api.PostAsync(
                path + "/replay",
                new JsonObject
                {
                    ["which"] = which,
                    ["from"] = parsed.GetValue(from),
                    ["to"] = parsed.GetValue(to),
                },
                cancellationToken);
            return Print(answer, terminal);
        }, cancellationToken));
        return command;
    }

    private static int Print(ApiAnswer answer, Terminal terminal)
    {
        if (!answer.IsDone)
        {
            return DomainsCommand.Report(answer, terminal);
        }

        if (terminal.Json)
        {
            terminal.Document(answer.Json);
        }
        else
        {
            terminal.Line($"{answer.Json["count"]} on their way.");
        }

        return ExitCode.Done;
    }
}

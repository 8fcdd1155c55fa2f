using System.CommandLine;
using System.Text.Json.Nodes;
using Tracking.Cli.Commands.Domains;

namespace Tracking.Cli.Commands.Webhooks;

/// <summary><c>trackctl webhooks set</c>.</summary>
internal static class SetEndpoint
{
    public static Command Create(Connection connection)
    {
        var (webhook, cluster) = (WebhooksCommand.Id(), Connection.Cluster());
        var url = new Option<string?>("--url") { Description = "Where requests go" };
        var events = Events();
        var everything = new Option<bool>("--everything") { Description = "Tells everything" };
        var people = new Option<bool?>("--people-only") { Description = "Without recognised machines, or with them" };
        var enabled = new Option<bool?>("--enabled") { Description = "Whether it gets anything" };
        var description = new Option<string?>("--description") { Description = "What it is for" };
        var command = new Command("set", "Changes the given settings and keeps the others.")
        {
            webhook, cluster, url, events, everything, people, enabled, description,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            var patch = new JsonObject();
            Add("url", parsed.GetValue(url));
            Add("description", parsed.GetValue(description));
            Add("peopleOnly", parsed.GetValue(people));
            Add("enabled", parsed.GetValue(enabled));
            Add("eventTypes", parsed.GetValue(everything) ? new JsonArray()
                : parsed.GetValue(events) is { Length: > 0 } chosen ? SetDomain.Array(chosen)
                : null);
            if (patch.Count == 0)
            {
                terminal.Complain("Nothing to change: give --url, --events, --everything, --people-only, --enabled or "
                    + "--description.");
                return ExitCode.Usage;
            }

            return WebhooksCommand.Print(
                await api.PatchAsync(WebhooksCommand.Path(id, parsed.GetValue(webhook)), patch, cancellationToken),
                terminal);

            void Add(string name, JsonNode? value)
            {
                if (value is not null)
                {
                    patch[name] = value;
                }
            }
        }, cancellationToken));
        return command;
    }

    /// <summary>The option for event types.</summary>
    public static Option<string[]> Events() => new("--events")
    {
        Description = "An event type such as message.clicked, or a group such as message.*; may be given several times; "
            + "without it: everything",
        HelpName = "TYPE",
    };
}

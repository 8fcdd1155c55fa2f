using System.CommandLine;
using System.Text.Json.Nodes;
using Tracking.Cli.Commands.Domains;

namespace Tracking.Cli.Commands.Webhooks;

/// <summary><c>trackctl webhooks create</c>.</summary>
internal static class CreateEndpoint
{
    public static Command Create(Connection connection)
    {
        var url = new Argument<string>("url") { Description = "Where requests go, such as https://example.com/hooks" };
        var cluster = Connection.Cluster();
        var events = SetEndpoint.Events();
        var people = new Option<bool>("--people-only") { Description = "Without clicks and opens of recognised machines" };
        var description = new Option<string?>("--description") { Description = "What it is for" };
        var command = new Command("create", "Makes a webhook and prints its secret, only this once.")
        {
            url, cluster, events, people, description,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            var document = new JsonObject
            {
                ["url"] = parsed.GetValue(url),
                ["eventTypes"] = SetDomain.Array(parsed.GetValue(events) ?? []),
                ["peopleOnly"] = parsed.GetValue(people),
                ["description"] = parsed.GetValue(description) ?? "",
            };
            return RotateSecret.Print(
                await api.PostAsync(WebhooksCommand.Path(id), document, cancellationToken), terminal);
        }, cancellationToken));
        return command;
    }
}

using System.CommandLine;
using System.Text.Json.Nodes;
using Tracking.Cli.Commands.Domains;

namespace Tracking.Cli.Commands.Webhooks;

/// <summary><c>trackctl webhooks rotate</c>.</summary>
internal static class RotateSecret
{
    public static Command Create(Connection connection)
    {
        var (webhook, cluster) = (WebhooksCommand.Id(), Connection.Cluster());
        var overlap = new Option<int?>("--overlap")
        {
            Description = "Hours for which the old secret signs too; default 24, 0 ends it at once",
            HelpName = "HOURS",
        };
        var command = new Command("rotate", "Makes a new secret and prints it, once.") { webhook, cluster, overlap };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            var document = new JsonObject();
            if (parsed.GetValue(overlap) is { } hours)
            {
                document["overlapHours"] = hours;
            }

            return Print(
                await api.PostAsync(
                    WebhooksCommand.Path(id, parsed.GetValue(webhook)) + "/secret", document, cancellationToken),
                terminal);
        }, cancellationToken));
        return command;
    }

    /// <summary>Prints a secret, or why the request failed.</summary>
    public static int Print(ApiAnswer answer, Terminal terminal)
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

        // Only the secret goes to the output, so that it can be redirected into a file: trackctl webhooks create … >
        // secret
        var old = answer.Json["previousSecretUntil"];
        terminal.Complain($"Webhook {answer.Json["id"]}; the secret cannot be shown again"
            + (old is null ? ":" : $", and the old one signs too until {old}:"));
        terminal.Line((string)answer.Json["secret"]!);
        return ExitCode.Done;
    }
}

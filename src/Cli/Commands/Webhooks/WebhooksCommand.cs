using System.CommandLine;
using System.Text.Json.Nodes;
using Tracking.Cli.Commands.Domains;

namespace Tracking.Cli.Commands.Webhooks;

/// <summary><c>trackctl webhooks</c>: manages the URLs that get events by HTTP.</summary>
internal static class WebhooksCommand
{
    public static Command Create(Connection connection) =>
        new("webhooks", "Works with webhooks, which send events to a program of yours. Ends with 3 when one does not "
            + "exist, or is in a state that does not allow the command.")
        {
            CreateEndpoint.Create(connection),
            List(connection),
            Show(connection),
            SetEndpoint.Create(connection),
            Delete(connection),
            RotateSecret.Create(connection),
            Test(connection),
            Deliveries.CreateList(connection),
            Deliveries.CreateShow(connection),
            ReplayDeliveriesCommand.Create(connection),
        };

    /// <summary>The argument that names an endpoint.</summary>
    public static Argument<string> Id() => new("id") { Description = "The webhook's id, from webhooks list" };

    /// <summary>The path of a cluster's endpoints, or of one of them.</summary>
    public static string Path(string cluster, string? id = null) =>
        $"clusters/{Query.Escape(cluster)}/webhooks" + (id is null ? "" : $"/{Query.Escape(id)}");

    /// <summary>Prints an endpoint, or why the request failed.</summary>
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

        var (endpoint, health) = (answer.Json, answer.Json["health"]!);
        terminal.Line((string)endpoint["url"]!);
        Member(terminal, "Id", endpoint["id"]);
        Member(terminal, "Description", endpoint["description"]);
        Member(terminal, "Tells", Types(endpoint) + ((bool)endpoint["peopleOnly"]! ? ", of people only" : ""));
        Member(terminal, "State", State(endpoint));
        Member(terminal, "Last success", health["lastSuccessAt"]);
        Member(terminal, "Failing since", health["failingSince"]);
        Member(terminal, "Rests until", health["restsUntil"]);
        Member(terminal, "Last error", health["lastError"]);
        Member(terminal, "Old secret until", endpoint["previousSecretUntil"]);
        Member(terminal, "Waiting", health["pending"]);
        Member(terminal, "Given up", health["failed"]);
        if (health["recent"] is { } recent && (int)recent["attempts"]! > 0)
        {
            Member(
                terminal, "Latest attempts",
                $"{recent["attempts"]}, {recent["succeeded"]} of them succeeded; half within {recent["medianMs"]} ms");
        }

        return ExitCode.Done;
    }

    private static Command List(Connection connection)
    {
        var cluster = Connection.Cluster();
        var command = new Command("list", "Lists the cluster's webhooks.") { cluster };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            var answer = await api.GetAsync(Path(id), cancellationToken);
            if (!answer.IsDone)
            {
                return DomainsCommand.Report(answer, terminal);
            }

            if (terminal.Json)
            {
                terminal.Document(answer.Json);
                return ExitCode.Done;
            }

            var table = new TextTable("ID", "STATE", "URL", "TELLS", "DESCRIPTION");
            foreach (var endpoint in answer.Json["items"]!.AsArray())
            {
                table.Add(
                    (string?)endpoint!["id"], State(endpoint), (string?)endpoint["url"], Types(endpoint),
                    (string?)endpoint["description"]);
            }

            table.WriteTo(terminal);
            return ExitCode.Done;
        }, cancellationToken));
        return command;
    }

    private static Command Show(Connection connection)
    {
        var (webhook, cluster) = (Id(), Connection.Cluster());
        var command = new Command("show", "Shows a webhook and its recent deliveries' success.") { webhook, cluster };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!,
            async (api, id, terminal) => Print(
                await api.GetAsync(Path(id, parsed.GetValue(webhook)), cancellationToken), terminal),
            cancellationToken));
        return command;
    }

    private static Command Delete(Connection connection)
    {
        var (webhook, cluster) = (Id(), Connection.Cluster());
        var command = new Command("delete", "Deletes a webhook with its deliveries, for good.") { webhook, cluster };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            var answer = await api.DeleteAsync(Path(id, parsed.GetValue(webhook)), cancellationToken);
            if (!answer.IsDone)
            {
                return DomainsCommand.Report(answer, terminal);
            }

            terminal.Complain($"Webhook {parsed.GetValue(webhook)} is deleted.");
            return ExitCode.Done;
        }, cancellationToken));
        return command;
    }

    private static Command Test(Connection connection)
    {
        var (webhook, cluster) = (Id(), Connection.Cluster());
        var command = new Command("test", "Sends a webhook.test event; its delivery shows the result.")
        {
            webhook, cluster,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!,
            async (api, id, terminal) => Deliveries.PrintSent(
                await api.PostAsync(Path(id, parsed.GetValue(webhook)) + "/test", null, cancellationToken),
                id, parsed.GetValue(webhook)!, terminal),
            cancellationToken));
        return command;
    }

    private static string State(JsonNode endpoint) => endpoint["disabledReason"] is { } reason
        ? $"disabled ({reason})"
        : (string)endpoint["health"]!["state"]!;

    private static string Types(JsonNode endpoint)
    {
        var types = endpoint["eventTypes"]!.AsArray();
        return types.Count == 0 ? "everything" : string.Join(", ", types.Select(type => (string)type!));
    }

    private static void Member(Terminal terminal, string name, JsonNode? value)
    {
        if (value?.ToString() is { Length: > 0 } text)
        {
            terminal.Line($"  {name + ":",-18}{text}");
        }
    }
}

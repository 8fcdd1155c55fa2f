using System.CommandLine;
using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands;

/// <summary><c>trackctl events explain ID</c>.</summary>
internal static class ExplainEventCommand
{
    public static Command Create(Connection connection)
    {
        var cluster = Connection.Cluster();
        var id = new Argument<string>("id") { Description = "The event's id", HelpName = "ID" };
        var command = new Command("explain", "Says why an event counts as a person or a machine.") { id, cluster };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, clusterId, terminal) =>
        {
            var answer = await api.GetAsync(
                $"clusters/{Query.Escape(clusterId)}/events/{Query.Escape(parsed.GetValue(id))}/explanation",
                cancellationToken);
            if (!answer.IsDone)
            {
                return answer.Report(terminal);
            }

            if (terminal.Json)
            {
                terminal.Document(answer.Json);
            }
            else
            {
                Print(answer.Json, terminal);
            }

            return ExitCode.Done;
        }, cancellationToken));
        return command;
    }

    private static void Print(JsonObject explanation, Terminal terminal)
    {
        var tracked = explanation["event"]!;
        var classification = tracked["classification"]!;
        terminal.Line($"{tracked["time"]}  {tracked["kind"]}  {tracked["userAgent"]}");
        terminal.Line($"{Verdict(classification)}; a machine from {explanation["machineAt"]} on, a person below 0");
        if ((bool?)classification["provisional"] == true)
        {
            terminal.Line("It may still change: the event is younger than three minutes.");
        }

        var table = new TextTable("reason", "weight", "meaning", "source").Right(1);
        foreach (var reason in explanation["reasons"]!.AsArray())
        {
            table.Add(
                (string?)reason!["code"],
                (int?)reason["weight"] is { } weight ? $"{weight:+0;-0;0}" : null,
                (string?)reason["meaning"],
                reason["source"] is null ? null : $"{reason["source"]} {reason["version"]}");
        }

        table.WriteTo(terminal);
        foreach (var before in explanation["before"]!.AsArray())
        {
            var reasons = string.Join(", ", before!["reasons"]!.AsArray().Select(reason => (string?)reason));
            terminal.Line($"Before {before["at"]}: {Verdict(before)} ({reasons})");
        }
    }

    private static string Verdict(JsonNode said)
    {
        var vendor = (string?)said["vendor"];
        return $"{said["verdict"]}{(vendor is null ? "" : $" ({vendor})")}, score {said["score"]?.ToJsonString() ?? "-"}";
    }
}

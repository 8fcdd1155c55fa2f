using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Tracking.Demo;

namespace Tracking.Cli.Commands;

/// <summary><c>trackctl demo</c>: makes a shop whose mail the API rewrites. Its links are clicked at the edge now,
/// because the edge records the present time. Events in the past are made only by <c>./run --demo</c>, inside the
/// program.</summary>
internal static class DemoCommand
{
    public static Command Create(Connection connection)
    {
        var name = new Option<string>("--name")
        {
            Description = $"The cluster's name; default {FillShop.DefaultName}",
            DefaultValueFactory = _ => FillShop.DefaultName,
        };
        var command = new Command(
            "demo", "Makes a cluster with a shop's mail, and clicks and opens of people and machines.") { name };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, async (api, terminal) =>
        {
            var called = parsed.GetValue(name)!;
            using var edge = new VisitEdge();
            try
            {
                terminal.Complain("Sending mail, then opening and clicking it …");
                var made = await new FillShop(api.Client, edge, called).RunAsync(
                    Mailing.OfNow(TimeProvider.System.GetUtcNow()), cancellationToken);
                if (made is null)
                {
                    terminal.Complain($"A cluster '{called}' exists already. Delete it, or give --name.");
                    return ExitCode.Refused;
                }

                Print(called, made, api, terminal);
                return ExitCode.Done;
            }
            catch (DemoFailedException exception)
            {
                terminal.Complain(exception.Message);
                return ExitCode.Refused;
            }
            catch (HttpRequestException exception)
            {
                terminal.Complain($"{api.Server} or its edge cannot be reached: {exception.Message}");
                return ExitCode.Unavailable;
            }
        }));
        return command;
    }

    private static void Print(string name, FilledShop made, TrackingApi api, Terminal terminal)
    {
        var console = $"{api.Server}/clusters/{made.Cluster}";
        if (terminal.Json)
        {
            terminal.Document(new JsonObject
            {
                ["cluster"] =
                    made.Cluster,
                ["messages"] = made.Messages,
                ["events"] = made.Visits,
                ["console"] = console,
            });
            return;
        }

        terminal.Line(string.Create(
            CultureInfo.InvariantCulture,
            $"{name}: {made.Messages:N0} messages, {made.Visits:N0} clicks and opens of now."));
        terminal.Line($"{console} shows them; sign in with the key that this ran with.");
    }
}

namespace Tracking.System.Tests.Chaos;

/// <summary>Behind the gateway a click is counted once when either edge dies, and the other edge answers.</summary>
[Collection(typeof(InTheWholeDeployment))]
public sealed class KillEdgesBehindTheGateway(WholeDeployment system)
{
    // Requests in progress at the killed edge get no answer. At a hundred clicks a second, each answered within a few
    // milliseconds, these are a few per kill.
    private const int AnsweredOfHundred = 95;

    [Fact]
    public Task Every_answer_is_stored_exactly_once_and_most_are_given_while_edges_are_killed_in_turn() =>
        SteadyLoad.RunAsync(system.Deployment, async load =>
        {
            for (var kill = 0; kill < Outage.Kills; kill++)
            {
                foreach (var edge in system.Deployment.Edges)
                {
                    edge.Kill();
                    await SteadyLoad.GoOnAsync(Outage.OfService / 2);
                    await load.UntilAnsweredAsync();
                    await edge.StartAsync(TestContext.Current.CancellationToken);
                    await load.UntilAnsweredAsync();
                }
            }

            Assert.InRange(
                load.Clicks.Acknowledged * 100L, load.Clicks.Attempted * (long)AnsweredOfHundred, long.MaxValue);
        });
}

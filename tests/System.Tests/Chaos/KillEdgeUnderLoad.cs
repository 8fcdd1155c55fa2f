namespace Tracking.System.Tests.Chaos;

/// <summary>An edge keeps its spool: clicks that it answered before a kill are stored after its next start.</summary>
[Collection(typeof(KillServices))]
public sealed class KillEdgeUnderLoad(ServicesUnderLoad system)
{
    [Fact]
    public Task Every_answer_of_an_edge_that_is_killed_and_frozen_is_stored_exactly_once() =>
        SteadyLoad.RunAsync(system.Deployment, async load =>
        {
            var edge = system.Deployment.Edges[0];
            for (var kill = 0; kill < Outage.Kills; kill++)
            {
                edge.Kill();
                await SteadyLoad.GoOnAsync(Outage.OfService / 2);
                await edge.StartAsync(TestContext.Current.CancellationToken);
                await load.UntilAnsweredAsync();
            }

            edge.Freeze();
            await SteadyLoad.GoOnAsync(Outage.OfService);
            edge.Thaw();
        });
}

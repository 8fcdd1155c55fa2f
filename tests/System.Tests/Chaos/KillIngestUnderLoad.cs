namespace Tracking.System.Tests.Chaos;

/// <summary>An ingest is killed between reading, storing and acknowledging. Batches are delivered again and stored
/// once.</summary>
[Collection(typeof(KillServices))]
public sealed class KillIngestUnderLoad(ServicesUnderLoad system)
{
    [Fact]
    public Task Clicks_are_answered_while_ingest_is_killed_and_frozen_and_each_is_stored_exactly_once() =>
        SteadyLoad.RunAsync(system.Deployment, async load =>
        {
            var ingest = system.Deployment.Ingests[0];
            for (var kill = 0; kill < Outage.Kills; kill++)
            {
                ingest.Kill();
                await SteadyLoad.GoOnAsync(Outage.OfService / 2);
                await load.UntilAnsweredAsync();
                await load.UntilRewrittenAsync();
                await ingest.StartAsync(TestContext.Current.CancellationToken);
                await load.UntilStoredAsync();
            }

            ingest.Freeze();
            await SteadyLoad.GoOnAsync(Outage.OfService);
            await load.UntilAnsweredAsync();
            ingest.Thaw();
            Assert.Equal(0, load.Unanswered);
        });
}

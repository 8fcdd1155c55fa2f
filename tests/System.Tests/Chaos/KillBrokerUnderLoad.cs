namespace Tracking.System.Tests.Chaos;

/// <summary>The broker may die at any moment and lose messages. Edges keep answering, and send unacknowledged batches
/// again.</summary>
[Collection(typeof(KillEngines))]
public sealed class KillBrokerUnderLoad(EnginesUnderLoad system)
{
    [Fact]
    public Task Clicks_are_answered_while_the_broker_is_away_and_its_return_needs_no_restart() =>
        SteadyLoad.RunAsync(system.Deployment, async load =>
        {
            var broker = system.Deployment.Rabbit;
            var cancelled = TestContext.Current.CancellationToken;
            await broker.KillAsync(cancelled);
            await SteadyLoad.GoOnAsync(Outage.OfBroker[0]);
            await broker.StartAsync(cancelled);
            await load.UntilAllFlowsAsync(Outage.LongestHeal);

            foreach (var away in Outage.OfBroker)
            {
                await broker.StopAsync(cancelled);
                await SteadyLoad.GoOnAsync(away);
                await broker.StartAsync(cancelled);
                await load.UntilAllFlowsAsync(Outage.LongestHeal);
            }

            await broker.FreezeAsync();
            await SteadyLoad.GoOnAsync(Outage.OfFrozenBroker);
            await load.UntilAnsweredAsync();
            await broker.ThawAsync();
            await load.UntilAllFlowsAsync(Outage.LongestHeal);
            Assert.Equal(0, load.Unanswered);
        });
}

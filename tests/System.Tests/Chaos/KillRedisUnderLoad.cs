namespace Tracking.System.Tests.Chaos;

/// <summary>Loss of the cache only costs speed. When it is killed, frozen or empty, no request is refused and nothing
/// is lost.</summary>
[Collection(typeof(KillEngines))]
public sealed class KillRedisUnderLoad(EnginesUnderLoad system)
{
    [Fact]
    public Task Nobody_is_refused_while_Redis_is_killed_frozen_and_emptied() =>
        SteadyLoad.RunAsync(system.Deployment, async load =>
        {
            var redis = system.Deployment.Redis;
            var cancelled = TestContext.Current.CancellationToken;
            await redis.KillAsync();
            await SteadyLoad.GoOnAsync(Outage.OfService);
            await load.UntilAllFlowsAsync();
            await redis.StartAsync(cancelled);
            await load.UntilAllFlowsAsync();

            await redis.FreezeAsync();
            await SteadyLoad.GoOnAsync(Outage.OfService);
            await load.UntilAllFlowsAsync();
            await redis.ThawAsync();
            await redis.FlushAsync(cancelled);
            await load.UntilAllFlowsAsync();
            Assert.Equal(0, load.Unanswered);
        });
}

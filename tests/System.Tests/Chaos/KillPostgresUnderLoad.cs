namespace Tracking.System.Tests.Chaos;

/// <summary>The database is unavailable. Links that were served before are still served, clicks on other links are
/// asked to come again, and events wait. Nothing is dropped.</summary>
[Collection(typeof(KillEngines))]
public sealed class KillPostgresUnderLoad(EnginesUnderLoad system)
{
    [Fact]
    public Task Known_links_redirect_while_PostgreSQL_is_away_and_every_click_is_stored_when_it_is_back() =>
        SteadyLoad.RunAsync(system.Deployment, async load =>
        {
            var postgres = system.Deployment.Postgres;
            var cancelled = TestContext.Current.CancellationToken;
            await AwayAsync(postgres.KillAsync, () => postgres.StartAsync(cancelled));
            await AwayAsync(postgres.FreezeAsync, postgres.ThawAsync);
            await AwayAsync(postgres.StopAsync, () => postgres.StartAsync(cancelled));
            Assert.Equal(0, load.Unanswered);

            async Task AwayAsync(Func<Task> take, Func<Task> bring)
            {
                var unknown = await load.RegisterUnknownLinkAsync();
                await take();
                await SteadyLoad.GoOnAsync(Outage.OfDatabase);
                await load.AssertAskedToComeAgainAsync(unknown);
                await load.UntilAnsweredAsync();
                await bring();
                await load.UntilAllFlowsAsync();
                await load.UntilServedAsync(unknown);
            }
        });
}

namespace Tracking.System.Tests.Chaos;

/// <summary>A message that was accepted for rewriting comes out, even if its rewriter is killed.</summary>
[Collection(typeof(KillServices))]
public sealed class KillRewriterUnderLoad(ServicesUnderLoad system)
{
    [Fact]
    public Task Every_message_comes_out_though_the_rewriter_is_killed_and_frozen() =>
        SteadyLoad.RunAsync(system.Deployment, async load =>
        {
            var rewriter = system.Deployment.Rewriters[0];
            for (var kill = 0; kill < Outage.Kills; kill++)
            {
                // At the kill some messages are read, some registered, and some sent but not yet acknowledged.
                await load.Mail.PublishBurstAsync(Outage.Burst, rewriter.Kill);
                await SteadyLoad.GoOnAsync(Outage.OfService / 2);
                await load.UntilStoredAsync();
                await rewriter.StartAsync(TestContext.Current.CancellationToken);
                await load.UntilRewrittenAsync();
            }

            rewriter.Freeze();
            await SteadyLoad.GoOnAsync(Outage.OfService);
            await load.UntilAnsweredAsync();
            rewriter.Thaw();
            Assert.Equal(0, load.Unanswered);
        });
}

using Tracking.Servers;

namespace Tracking.System.Tests.Chaos;

/// <summary>With two copies of each service, a rolling restart is seen by nobody.</summary>
[Collection(typeof(InTheWholeDeployment))]
public sealed class RestartCopiesBehindTheGateway(WholeDeployment system)
{
    [Fact]
    public Task Nobody_is_refused_while_every_copy_behind_the_gateway_is_restarted_in_turn() =>
        SteadyLoad.RunAsync(system.Deployment, async load =>
        {
            var deployment = system.Deployment;
            foreach (var service in (ServiceProcess[])[
                .. deployment.Edges, .. deployment.Rewriters, .. deployment.Ingests, .. deployment.Managements])
            {
                Assert.Equal(0, await service.StopAsync(TestContext.Current.CancellationToken));
                await load.UntilAnsweredAsync();
                await service.StartAsync(TestContext.Current.CancellationToken);
            }

            await load.UntilAllFlowsAsync();
            Assert.Equal(0, load.Unanswered);
        });
}

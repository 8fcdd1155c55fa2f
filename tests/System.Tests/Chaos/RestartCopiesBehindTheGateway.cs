using Tracking.Servers;

namespace Tracking.System.Tests.Chaos;

/// <summary>With two copies of each service, no client notices a rolling restart.</summary>
[Collection(typeof(InTheWholeDeployment))]
public sealed class RestartCopiesBehindTheGateway(WholeDeployment system)
{
    [Fact]
    public Task Nobody_is_refused_while_copies_behind_the_gateway_are_restarted_in_turn() =>
        SteadyLoad.RunAsync(system.Deployment, async load =>
        {
            var deployment = system.Deployment;
            foreach (var service in (ServiceProcess[])[
                .. deployment.Edges, .. deployment.Rewriters.Take(Outage.Copies),
                .. deployment.Ingests.Take(Outage.Copies - 1), .. deployment.Managements.Take(Outage.Copies - 1)])
            {
                Assert.Equal(0, await service.StopAsync(TestContext.Current.CancellationToken));
                await load.UntilAnsweredAsync();
                await service.StartAsync(TestContext.Current.CancellationToken);
            }

            await load.UntilAllFlowsAsync();
            Assert.Equal(0, load.Unanswered);
        });
}

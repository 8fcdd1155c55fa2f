using System.Diagnostics;

namespace Tracking.System.Tests.Chaos;

/// <summary>A rolling restart: SIGTERM, one service after the other.</summary>
[Collection(typeof(KillServices))]
public sealed class RestartServicesUnderLoad(ServicesUnderLoad system)
{
    private static readonly TimeSpan _longestStop = TimeSpan.FromSeconds(30);

    [Fact]
    public Task Every_service_stops_in_order_within_30_seconds_and_nothing_is_lost() =>
        SteadyLoad.RunAsync(system.Deployment, async load =>
        {
            foreach (var service in system.Deployment.Services)
            {
                var clock = Stopwatch.StartNew();
                var code = await service.StopAsync(TestContext.Current.CancellationToken);
                TestContext.Current.SendDiagnosticMessage(
                    "{0} ended with {1} after {2:0.0} s", service.Name, code, clock.Elapsed.TotalSeconds);
                Assert.Equal((service.Name, 0), (service.Name, code));
                Assert.InRange(clock.Elapsed, TimeSpan.Zero, _longestStop);
                await service.StartAsync(TestContext.Current.CancellationToken);
            }

            await load.UntilAllFlowsAsync();
        });
}

using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Hosts;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Tests.Messages;

/// <summary>Tracking domains in memory, without a database.</summary>
internal static class SomeHosts
{
    private static readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();

    /// <summary>The system host.</summary>
    public static ChosenHost System { get; } = Choose(new SystemOptions()).System;

    public static ChooseHost Choose(SystemOptions system, params TrackingHost[] domains)
    {
        var hosts = new TrackingHosts(
            NpgsqlDataSource.Create("Host=127.0.0.1;Port=1"),
            Options.Create(new TrackingHostsOptions()),
            Options.Create(system),
            TimeProvider.System,
            new TrackingHostsTelemetry(_services.GetRequiredService<IMeterFactory>()),
            NullLogger<TrackingHosts>.Instance);
        hosts.Restore(domains);
        return new ChooseHost(hosts, Options.Create(system), TimeProvider.System);
    }
}

using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Database.Hosts;
using Tracking.Links;
using Tracking.RedirectEdge.Events;
using Tracking.RedirectEdge.Hosts;

namespace Tracking.RedirectEdge.Tests.Hosts;

/// <summary>The names that outlive the process.</summary>
public sealed class HostCopyTests : IDisposable
{
    private const int MaxBytes = 64 << 10;

    private readonly TemporaryFolder _temporary = new();
    private readonly EdgeFolder _folder;
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly NpgsqlDataSource _away = NpgsqlDataSource.Create("Host=127.0.0.1;Port=1;Timeout=1");

    public HostCopyTests() => _folder = EdgeFolder.Open(_temporary.Path);

    public void Dispose()
    {
        _folder.Dispose();
        _away.Dispose();
        _services.Dispose();
        _temporary.Dispose();
    }

    [Fact]
    public void Everything_that_is_known_of_an_active_name_comes_back_and_the_last_word_counts()
    {
        var until = new DateTimeOffset(2027, 1, 2, 3, 4, 5, TimeSpan.Zero);
        var full = new TrackingHost(
            "full.shop.example", new ClusterId(7), DomainStatus.Active, until, HttpsPolicy.Optional)
        {
            IsRetired =
                true,
            TracksClicks = false,
            TracksOpens = false,
            ExcludedDomains = ["*.bank.example", "a.example/ü/*"],
        };
        using (var first = Hosts())
        using (var copy = Copy(first))
        {
            copy.Restore();
            first.Changed!(full.Hostname, null, full);
            first.Changed!("gone.shop.example", null, Active("gone.shop.example"));
            first.Changed!("gone.shop.example", Active("gone.shop.example"), null);
            first.Changed!("lost.shop.example", null, Active("lost.shop.example"));
            first.Changed!("lost.shop.example", Active("lost.shop.example"), Pending("lost.shop.example"));
            first.Changed!("never.shop.example", null, Pending("never.shop.example"));

            // Without Compact: the process is killed here.
        }

        using var next = Hosts();
        using var nextCopy = Copy(next);
        nextCopy.Restore();
        var known = Assert.Single(next.ToList());
        Assert.True(TrackingHost.AreSame(full, known));
    }

    [Fact]
    public void The_file_keeps_to_its_bound_and_to_what_was_used_lately()
    {
        using var hosts = Hosts();
        using var copy = Copy(hosts);
        copy.Restore();
        hosts.Restore(Enumerable.Range(0, 5_000).Select(number => Active($"name-{number}.shop.example")));
        Assert.True(hosts.TryGet("name-3.shop.example", out _));
        foreach (var host in hosts.ToList())
        {
            hosts.Changed!(host.Hostname, null, host);
        }

        Assert.InRange(new FileInfo(Path.Combine(_temporary.Path, "hosts.copy")).Length, MaxBytes, MaxBytes + 1_000);
        copy.CompactWhenFull();
        Assert.InRange(new FileInfo(Path.Combine(_temporary.Path, "hosts.copy")).Length, MaxBytes / 4, MaxBytes / 2);

        using var next = Hosts();
        using var nextCopy = Copy(next);
        nextCopy.Restore();
        Assert.InRange(next.Count, 100, 4_999);
        Assert.True(next.TryGet("name-3.shop.example", out var used) && used!.Serves(new ClusterId(7)));
    }

    [Fact]
    public void A_record_of_another_version_or_cut_off_costs_only_itself()
    {
        using (var log = new RecordLog(_folder, "hosts.copy", MaxBytes, 1, 1 << 10))
        {
            log.Read(_ => Assert.Fail("There is none yet."));
            log.Append([9, 1, 2, 3, 4, 5]);
            log.Append(TrackingHostBytes.Encode("a.shop.example", Active("a.shop.example")));
            log.Append([1, 14, (byte)'b', (byte)'.']);
            log.Append(TrackingHostBytes.Encode("c.shop.example", Active("c.shop.example")));
        }

        using var hosts = Hosts();
        using var copy = Copy(hosts);
        copy.Restore();
        Assert.Equal(["a.shop.example", "c.shop.example"], hosts.ToList().Select(host => host.Hostname));
    }

    private static TrackingHost Active(string name) => new(name, new ClusterId(7), DomainStatus.Active);

    private static TrackingHost Pending(string name) => new(name, new ClusterId(7), DomainStatus.Pending);

    private TrackingHosts Hosts() => new(
        _away,
        Options.Create(new TrackingHostsOptions()),
        Options.Create(new SystemOptions()),
        TimeProvider.System,
        new TrackingHostsTelemetry(_services.GetRequiredService<IMeterFactory>()),
        NullLogger<TrackingHosts>.Instance);

    private HostCopy Copy(TrackingHosts hosts) => new(
        hosts,
        _folder,
        Options.Create(new RedirectEdgeOptions { MaxHostCopyBytes = MaxBytes }),
        NullLogger<HostCopy>.Instance);
}

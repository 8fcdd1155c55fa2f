using System.Diagnostics.Metrics;
using Microsoft.Extensions.Time.Testing;
using Tracking.Api;
using Tracking.Management.Requests;

namespace Tracking.Management.Tests;

public sealed class TenantShareTests
{
    private static readonly ManagementOptions _options = new()
    {
        TimeShare = 0.25,
        TimeAhead = TimeSpan.FromSeconds(20),
        ConcurrentExports = 1,
    };

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Who_has_used_its_time_is_refused_until_its_share_has_made_up_for_it()
    {
        var time = new FakeTimeProvider();
        using var share = Share(time);
        await RunAsync(share, time, seconds: 15);
        // Five seconds are left of the time ahead, and a quarter of the fifteen seconds was gained.
        await RunAsync(share, time, seconds: 12);

        var refusal = await share.EnterAsync(Cancelled);

        Assert.Equal(ProblemType.TooManyRequests, refusal!.Type);
        Assert.Contains("25", refusal.Detail, StringComparison.Ordinal);
        Assert.True(refusal.RetryAfter > TimeSpan.Zero);
        time.Advance(refusal.RetryAfter!.Value);
        Assert.Null(await share.EnterAsync(Cancelled));
    }

    [Fact]
    public async Task An_idle_tenant_gains_no_more_than_the_most()
    {
        var time = new FakeTimeProvider();
        using var share = Share(time);
        time.Advance(TimeSpan.FromDays(1));
        await RunAsync(share, time, seconds: 40);
        Assert.NotNull(await share.EnterAsync(Cancelled));
    }

    [Fact]
    public async Task Admins_and_time_for_which_nobody_is_to_blame_are_not_counted()
    {
        var time = new FakeTimeProvider();
        using var admin = Share(time, isAdmin: true);
        await RunAsync(admin, time, seconds: 1000);
        Assert.Null(await admin.EnterAsync(Cancelled));

        using var share = Share(time);
        Assert.Null(await share.EnterAsync(Cancelled));
        time.Advance(TimeSpan.FromSeconds(1000));
        share.Leave(began: null);
        Assert.Null(await share.EnterAsync(Cancelled));
    }

    [Fact]
    public void An_export_may_begin_when_another_has_ended()
    {
        using var share = Share(new FakeTimeProvider());
        Assert.Null(share.BeginExport());
        Assert.Equal(ProblemType.TooManyRequests, share.BeginExport()!.Type);
        share.EndExport();
        Assert.Null(share.BeginExport());
    }

    [Fact]
    public void Names_that_nobody_has_added_are_looked_at_so_many_at_a_time_beside_checks_of_added_ones()
    {
        using var share = Share(new FakeTimeProvider());
        Assert.Null(share.BeginCheck());
        Assert.Null(share.BeginNameCheck());
        Assert.Null(share.BeginNameCheck());
        Assert.Equal(ProblemType.TooManyRequests, share.BeginNameCheck()!.Type);
        Assert.Null(share.BeginCheck());
        share.EndNameCheck();
        Assert.Null(share.BeginNameCheck());
    }

    private static async Task RunAsync(TenantShare share, FakeTimeProvider time, int seconds)
    {
        Assert.Null(await share.EnterAsync(Cancelled));
        var began = share.Begin();
        time.Advance(TimeSpan.FromSeconds(seconds));
        share.Leave(began);
    }

    private static TenantShare Share(TimeProvider time, bool isAdmin = false) =>
        new(_options, new ApiTelemetry(new NoMeters()), time, isAdmin);

    private sealed class NoMeters : IMeterFactory
    {
        public Meter Create(MeterOptions options) => new(options);

        public void Dispose()
        {
        }
    }
}

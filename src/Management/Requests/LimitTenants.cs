using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Tracking.Api;
using Tracking.Links;

namespace Tracking.Management.Requests;

/// <summary>
/// Gives every tenant its part of the API and no more: requests at a time, and of the time in the long run. A tenant is
/// a cluster, whichever of its keys it takes; an admin key stands for itself.
/// </summary>
internal sealed class LimitTenants(IOptions<ManagementOptions> options, ApiTelemetry telemetry, TimeProvider time)
    : IDisposable
{
    private readonly ConcurrentDictionary<(ClusterId? Cluster, Guid Admin), TenantShare> _tenants = new();

    /// <summary>The part of whoever holds this key. There are as many as there are clusters and admin keys.</summary>
    public TenantShare Of(ApiKeyHolder holder) => _tenants.GetOrAdd(
        (holder.Cluster, holder.IsAdmin ? holder.KeyId : Guid.Empty),
        static (_, made) => new TenantShare(made.Options, made.Telemetry, made.Time, made.IsAdmin),
        (Options: options.Value, Telemetry: telemetry, Time: time, holder.IsAdmin));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tenant in _tenants.Values)
        {
            tenant.Dispose();
        }
    }

    /// <summary>The endpoint filter: behind the access check, round every handler of the API.</summary>
    public static async ValueTask<object?> FilterAsync(
        EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var request = context.HttpContext;
        if (request.Features.Get<ApiKeyHolder>() is not { } holder)
        {
            return await next(context);
        }

        var share = request.RequestServices.GetRequiredService<LimitTenants>().Of(holder);
        if (await share.EnterAsync(request.RequestAborted) is { } refusal)
        {
            return refusal;
        }

        var began = share.Begin();
        try
        {
            return await next(context);
        }
        catch (Exception exception) when (AnswerStoreAway.IsAway(exception))
        {
            // The time went by while the database was away: that is nobody's use of it.
            began = null;
            throw;
        }
        finally
        {
            share.Leave(began);
        }
    }
}

/// <summary>What one tenant has of the API in this process.</summary>
internal sealed class TenantShare(
    ManagementOptions options, ApiTelemetry telemetry, TimeProvider time, bool isAdmin) : IDisposable
{
    // What runs is over within a statement's time, mostly within milliseconds.
    private static readonly TimeSpan _whenBusy = TimeSpan.FromSeconds(1);

    // A look at DNS takes seconds.
    private static readonly TimeSpan _whenChecking = TimeSpan.FromSeconds(5);

    // An export takes minutes.
    private static readonly TimeSpan _whenExporting = TimeSpan.FromSeconds(30);

    private readonly SemaphoreSlim _running = new(options.ConcurrentRequests);
    private readonly Lock _counting = new();
    private double _ahead = options.TimeAhead.TotalSeconds;
    private long _countedAt = time.GetTimestamp();
    private int _waiting;
    private int _exports;
    private int _checks;
    private int _nameChecks;

    /// <summary>Lets a request run, perhaps after others; <see cref="Leave"/> is its end.</summary>
    /// <returns>The refusal, when it may not.</returns>
    public async ValueTask<Problem?> EnterAsync(CancellationToken cancellationToken)
    {
        if (TimeOwed() is { } owed)
        {
            telemetry.Refused("share");
            return Problems.TooMany(
                $"{options.TimeShare:P0} of the time for the requests of a cluster, and this one's have taken longer",
                owed);
        }

        if (_running.Wait(0, CancellationToken.None))
        {
            return null;
        }

        try
        {
            if (Interlocked.Increment(ref _waiting) > options.WaitingRequests)
            {
                telemetry.Refused("busy");
                return Problems.TooMany(
                    $"{options.ConcurrentRequests} requests at a time and {options.WaitingRequests} that wait",
                    _whenBusy);
            }

            await _running.WaitAsync(cancellationToken);
            return null;
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    /// <summary>When a request began to run, for <see cref="Leave"/>.</summary>
    public long? Begin() => time.GetTimestamp();

    /// <summary>A request has run.</summary>
    /// <param name="began">Since when; <see langword="null"/>: nothing is counted.</param>
    public void Leave(long? began)
    {
        _running.Release();
        if (began is { } since)
        {
            var took = time.GetElapsedTime(since).TotalSeconds;
            lock (_counting)
            {
                _ahead -= took;
            }
        }
    }

    /// <summary>Lets an export begin; <see cref="EndExport"/> is its end.</summary>
    /// <returns>The refusal, when there are too many.</returns>
    public Problem? BeginExport()
    {
        if (Interlocked.Increment(ref _exports) <= options.ConcurrentExports)
        {
            return null;
        }

        EndExport();
        telemetry.Refused("exports");
        return Problems.TooMany($"{options.ConcurrentExports} exports at a time", _whenExporting);
    }

    /// <summary>An export is over.</summary>
    public void EndExport() => Interlocked.Decrement(ref _exports);

    /// <summary>Lets a look at DNS begin, which takes long and costs the database nothing; <see cref="EndCheck"/> is
    /// its end.</summary>
    /// <returns>The refusal, when there are too many.</returns>
    public Problem? BeginCheck() => BeginCheck(ref _checks, options.ConcurrentVerifications);

    /// <summary>A look at DNS is over.</summary>
    public void EndCheck() => Interlocked.Decrement(ref _checks);

    /// <summary>As <see cref="BeginCheck()"/>, of a name that nobody has added; <see cref="EndNameCheck"/> is its
    /// end.</summary>
    /// <returns>The refusal, when there are too many.</returns>
    public Problem? BeginNameCheck() => BeginCheck(ref _nameChecks, options.ConcurrentNameChecks);

    /// <summary>A look at a name that nobody has added is over.</summary>
    public void EndNameCheck() => Interlocked.Decrement(ref _nameChecks);

    /// <summary>Lets an export read on, when there is time for it: it is slowed down, not broken off.</summary>
    public async Task EnterForExportAsync(CancellationToken cancellationToken)
    {
        while (TimeOwed() is { } owed)
        {
            await Task.Delay(owed, time, cancellationToken);
        }

        await _running.WaitAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose() => _running.Dispose();

    private Problem? BeginCheck(ref int checks, int most)
    {
        if (Interlocked.Increment(ref checks) <= most)
        {
            return null;
        }

        Interlocked.Decrement(ref checks);
        telemetry.Refused("checks");
        return Problems.TooMany($"{most} checks of DNS at a time", _whenChecking);
    }

    private TimeSpan? TimeOwed()
    {
        if (isAdmin)
        {
            return null;
        }

        lock (_counting)
        {
            var now = time.GetTimestamp();
            _ahead = Math.Min(
                options.TimeAhead.TotalSeconds,
                _ahead + time.GetElapsedTime(_countedAt, now).TotalSeconds * options.TimeShare);
            _countedAt = now;
            return _ahead > 0 ? null : TimeSpan.FromSeconds(-_ahead / options.TimeShare + 0.001);
        }
    }
}

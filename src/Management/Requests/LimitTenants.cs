using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Tracking.Api;
using Tracking.Links;

namespace Tracking.Management.Requests;

/// <summary>
/// Limits every tenant's use of the API: the requests at a time, and the time in the long run. A tenant is a cluster
/// with all of its keys. An admin key is a tenant of its own.
/// </summary>
internal sealed class LimitTenants(IOptions<ManagementOptions> options, ApiTelemetry telemetry, TimeProvider time)
    : IDisposable
{
    private readonly ConcurrentDictionary<(ClusterId? Cluster, Guid Admin), TenantShare> _tenants = new();

    /// <summary>The share of the tenant with this key. There is one share for each cluster and each admin
    /// key.</summary>
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

    /// <summary>The endpoint filter, which runs after the access check around every handler of the API.</summary>
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
            // Time is not counted while the database is unavailable, because nobody uses it then.
            began = null;
            throw;
        }
        finally
        {
            share.Leave(began);
        }
    }
}

/// <summary>One tenant's use of the API in this process.</summary>
internal sealed class TenantShare(
    ManagementOptions options, ApiTelemetry telemetry, TimeProvider time, bool isAdmin) : IDisposable
{
    // Running requests end within a statement's time limit, mostly within milliseconds.
    private static readonly TimeSpan _whenBusy = TimeSpan.FromSeconds(1);

    // A check of DNS takes seconds.
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

    /// <summary>Lets a request run, after other requests if necessary. <see cref="Leave"/> ends it.</summary>
    /// <returns>The refusal; <see langword="null"/> if the request may run.</returns>
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

    /// <summary>The beginning of a request, for <see cref="Leave"/>.</summary>
    public long? Begin() => time.GetTimestamp();

    /// <summary>Ends a request.</summary>
    /// <param name="began">The beginning; <see langword="null"/> to count no time.</param>
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

    /// <summary>Lets an export begin. <see cref="EndExport"/> ends it.</summary>
    /// <returns>The refusal, if too many exports are running.</returns>
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

    /// <summary>Ends an export.</summary>
    public void EndExport() => Interlocked.Decrement(ref _exports);

    /// <summary>Lets a check of DNS begin. It takes long and does not use the database. <see cref="EndCheck"/> ends
    /// it.</summary>
    /// <returns>The refusal, if too many checks are running.</returns>
    public Problem? BeginCheck() => BeginCheck(ref _checks, options.ConcurrentVerifications);

    /// <summary>Ends a check of DNS.</summary>
    public void EndCheck() => Interlocked.Decrement(ref _checks);

    /// <summary>Lets a check of a name begin that is no tracking domain yet, as <see cref="BeginCheck()"/>.
    /// <see cref="EndNameCheck"/> ends it.</summary>
    /// <returns>The refusal, if too many checks are running.</returns>
    public Problem? BeginNameCheck() => BeginCheck(ref _nameChecks, options.ConcurrentNameChecks);

    /// <summary>Ends a check of a name that is no tracking domain yet.</summary>
    public void EndNameCheck() => Interlocked.Decrement(ref _nameChecks);

    /// <summary>Lets an export continue when its tenant has time left. The export is slowed down, not ended.</summary>
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

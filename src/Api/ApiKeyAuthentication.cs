using System.Collections.Concurrent;
using System.ComponentModel.DataAnnotations;
using System.Net;
using System.Reflection;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Links;
using Tracking.ServiceDefaults.Hosting;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Api;

/// <summary>The look-up of API keys: <c>Tracking__ApiKeys__…</c>.</summary>
public sealed class ApiKeyOptions : IValidatableObject
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "ApiKeys";

    /// <summary>The time that the answer for a key is remembered; 0 s to 5 s, default 3 s. A revoked key, or a key of a
    /// deleted cluster, may work for that time: 5 s is the promise, and the rest is for the query itself.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:05")]
    public TimeSpan RememberFor { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>The most remembered answers for existing keys; 100 to 1,000,000, default 10,000 (about 2 MB). A full
    /// memory is emptied. Invented keys do not count.</summary>
    [Range(100, 1_000_000)]
    public int MaxRemembered { get; set; } = 10_000;

    /// <summary>The most look-ups per second of keys that this process has not read yet; 1 to 10,000, default 50: a
    /// look-up takes less than a millisecond, so a flood of invented keys costs a twentieth of a connection. Requests
    /// above the limit are answered with 429. Of the existing keys, only those made within the last seconds are not
    /// read yet.</summary>
    [Range(1, 10_000)]
    public int UnknownPerSecond { get; set; } = 50;

    /// <summary>The same as <see cref="UnknownPerSecond"/> for one client network (an IPv4 address, an IPv6 /64); 1 to
    /// 10,000, default 10, so that five networks together use all of it.</summary>
    [Range(1, 10_000)]
    public int UnknownPerSecondAndNetwork { get; set; } = 10;

    /// <summary>Proxies whose <c>X-Forwarded-For</c> is trusted for finding a client's network: addresses or CIDR
    /// ranges. Default none: the connecting address is the client, so behind a gateway all clients count as
    /// one.</summary>
    public IList<string> TrustedProxies { get; } = [];

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        AddressRanges.Failures(nameof(TrustedProxies), TrustedProxies);
}

/// <summary>The holder of a request's key. Bound as a handler's parameter on routes that require a key.</summary>
/// <param name="KeyId">The key's id.</param>
/// <param name="Cluster">The cluster that the key opens; <see langword="null"/> for an admin key.</param>
public sealed record ApiKeyHolder(Guid KeyId, ClusterId? Cluster)
{
    /// <summary>Whether the key opens every cluster.</summary>
    public bool IsAdmin => Cluster is null;

    /// <summary>Binds the holder that the access check found.</summary>
    public static ValueTask<ApiKeyHolder?> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(parameter);
        return ValueTask.FromResult(context.Features.Get<ApiKeyHolder>());
    }
}

/// <summary>The result of looking up a key.</summary>
/// <param name="Holder">The key's holder; <see langword="null"/> for a key that is unknown or revoked, or whose cluster
/// is deleted.</param>
/// <param name="RetryAfter">When to ask again: too many unknown keys came, so this one was not looked up.</param>
public readonly record struct ApiKeyAnswer(ApiKeyHolder? Holder, TimeSpan? RetryAfter = null);

/// <summary>
/// Finds the holder of an API key, by the key's hash in <c>management.api_keys</c>. Answers are remembered for
/// <see cref="ApiKeyOptions.RememberFor"/>, and simultaneous requests for one key share one query. A key that
/// <see cref="KnownApiKeys"/> does not have is either new or invented. The look-ups of such keys per second are
/// limited, so a flood of them costs little and removes no other key's answer.
/// </summary>
public sealed class ApiKeyAuthentication
{
    // One for the whole process, and one for each network, at 16 bytes each.
    private const int NetworkBuckets = 4096;
    private static readonly TimeSpan _retryAfter = TimeSpan.FromSeconds(1);

    private readonly NpgsqlDataSource _dataSource;
    private readonly ApiKeyOptions _options;
    private readonly KnownApiKeys _known;
    private readonly ApiTelemetry _telemetry;
    private readonly TimeProvider _time;
    private readonly TokenBuckets _unknownOfAll;
    private readonly TokenBuckets _unknownOfNetwork;
    private readonly ClientNetwork _networks;
    private readonly ConcurrentDictionary<UInt128, Remembered> _remembered = new();
    private readonly ConcurrentDictionary<UInt128, Remembered> _unknown = new();
    private readonly ConcurrentDictionary<Guid, Remembered> _sessions = new();

    internal ApiKeyAuthentication(
        NpgsqlDataSource dataSource,
        IOptions<ApiKeyOptions> options,
        KnownApiKeys known,
        ApiTelemetry telemetry,
        TimeProvider time)
    {
        (_dataSource, _options, _known, _telemetry, _time) = (dataSource, options.Value, known, telemetry, time);
        _unknownOfAll = new TokenBuckets(1, _options.UnknownPerSecond, time);
        _unknownOfNetwork = new TokenBuckets(NetworkBuckets, _options.UnknownPerSecondAndNetwork, time);
        _networks = new ClientNetwork(_options.TrustedProxies);
    }

    /// <summary>Finds the holder of a secret.</summary>
    /// <param name="secret">The secret of the request.</param>
    /// <param name="context">The request, for its network.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public async ValueTask<ApiKeyAnswer> FindAsync(
        string? secret, HttpContext context, CancellationToken cancellationToken)
    {
        if (!ApiKeySecret.TryHash(secret, out var hash))
        {
            return default;
        }

        var key = ApiKeySecret.ShortHash(hash);
        var isKnown = _known.Contains(key);
        var answers = isKnown ? _remembered : _unknown;
        var now = _time.GetTimestamp();
        if (!answers.TryGetValue(key, out var remembered)
            || _time.GetElapsedTime(remembered.At, now) >= _options.RememberFor)
        {
            if (!isKnown && !MayLookUp(context))
            {
                _telemetry.Refused("unknownKey");
                return new ApiKeyAnswer(null, _retryAfter);
            }

            if (answers.Count >= _options.MaxRemembered)
            {
                answers.Clear();
            }

            // Lazy: of several simultaneous requests only one asks. The query must not end with the request that began
            // it.
            var fresh = new Remembered(now, new Lazy<Task<ApiKeyHolder?>>(() => QueryAsync(key, hash)));
            remembered = remembered is null
                ? answers.GetOrAdd(key, fresh)
                : answers.TryUpdate(key, fresh, remembered) ? fresh : answers.GetOrAdd(key, fresh);
        }

        try
        {
            return new ApiKeyAnswer(await remembered.Answer.Value.WaitAsync(cancellationToken));
        }
        catch when (remembered.Answer.Value.IsFaulted)
        {
            answers.TryRemove(KeyValuePair.Create(key, remembered));
            throw;
        }
    }

    /// <summary>Finds the holder of a key by its id, for a session that the key began. The answer is remembered as long
    /// as that of <see cref="FindAsync"/>, so a revoked key ends both at the same time.</summary>
    /// <param name="keyId">The key's id, from a source that only we can write.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public async ValueTask<ApiKeyHolder?> FindByIdAsync(Guid keyId, CancellationToken cancellationToken)
    {
        var now = _time.GetTimestamp();
        if (!_sessions.TryGetValue(keyId, out var remembered)
            || _time.GetElapsedTime(remembered.At, now) >= _options.RememberFor)
        {
            if (_sessions.Count >= _options.MaxRemembered)
            {
                _sessions.Clear();
            }

            var fresh = new Remembered(now, new Lazy<Task<ApiKeyHolder?>>(() => QueryByIdAsync(keyId)));
            remembered = remembered is null
                ? _sessions.GetOrAdd(keyId, fresh)
                : _sessions.TryUpdate(keyId, fresh, remembered) ? fresh : _sessions.GetOrAdd(keyId, fresh);
        }

        try
        {
            return await remembered.Answer.Value.WaitAsync(cancellationToken);
        }
        catch when (remembered.Answer.Value.IsFaulted)
        {
            _sessions.TryRemove(KeyValuePair.Create(keyId, remembered));
            throw;
        }
    }

    /// <summary>Whether an admin's or a cluster's key opens an active cluster.</summary>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public async ValueTask<bool> OpensAsync(
        ApiKeyHolder holder, ClusterId cluster, ClusterDirectory directory, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(holder);
        ArgumentNullException.ThrowIfNull(directory);
        if (!holder.IsAdmin)
        {
            return holder.Cluster == cluster;
        }

        // The directory may not have a new cluster of another process yet.
        return directory.TryGet(cluster, out _) || await IsAliveAsync(cluster, cancellationToken);
    }

    /// <summary>Asks the database whether a cluster exists and is not deleted.</summary>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    internal async Task<bool> IsAliveAsync(ClusterId cluster, CancellationToken cancellationToken)
    {
        await using var command = _dataSource.CreateCommand(
            "SELECT EXISTS (SELECT FROM management.clusters WHERE id = $1 AND deleted_at IS NULL)");
        command.Parameters.Add(new() { Value = cluster.Value });
        return (bool)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>Adds a key that this process has made. The key works at once, even during a flood of invented
    /// ones.</summary>
    public void Made(ReadOnlySpan<byte> hash) => _known.Add(ApiKeySecret.ShortHash(hash));

    /// <summary>Forgets every answer, because a key or cluster changed.</summary>
    public void Forget()
    {
        _remembered.Clear();
        _unknown.Clear();
        _sessions.Clear();
        _known.RequestNow();
    }

    // The network's limit comes first: a refused network must not use up the common limit.
    private bool MayLookUp(HttpContext context) =>
        _unknownOfNetwork.TryTake(_networks.Of(context) ?? IPAddress.None) && _unknownOfAll.TryTake(0);

    private async Task<ApiKeyHolder?> QueryAsync(UInt128 key, byte[] hash)
    {
        await using var command = _dataSource.CreateCommand(
            """
            SELECT k.id, k.cluster_id
            FROM management.api_keys k
            LEFT JOIN management.clusters c ON c.id = k.cluster_id
            WHERE k.secret_hash = $1 AND k.revoked_at IS NULL
              AND (k.cluster_id IS NULL OR (c.id IS NOT NULL AND c.deleted_at IS NULL))
            """);
        command.Parameters.Add(new() { Value = hash });
        await using var reader = await command.ExecuteReaderAsync();
        var isFound = await reader.ReadAsync();
        _telemetry.LookedUp(isFound);
        if (!isFound)
        {
            return null;
        }

        _known.Add(key);
        return new ApiKeyHolder(reader.GetGuid(0), reader.IsDBNull(1) ? null : new ClusterId(reader.GetInt32(1)));
    }

    private async Task<ApiKeyHolder?> QueryByIdAsync(Guid keyId)
    {
        await using var command = _dataSource.CreateCommand(
            """
            SELECT k.id, k.cluster_id
            FROM management.api_keys k
            LEFT JOIN management.clusters c ON c.id = k.cluster_id
            WHERE k.id = $1 AND k.revoked_at IS NULL
              AND (k.cluster_id IS NULL OR (c.id IS NOT NULL AND c.deleted_at IS NULL))
            """);
        command.Parameters.Add(new() { Value = keyId });
        await using var reader = await command.ExecuteReaderAsync();
        return await reader.ReadAsync()
            ? new ApiKeyHolder(reader.GetGuid(0), reader.IsDBNull(1) ? null : new ClusterId(reader.GetInt32(1)))
            : null;
    }

    private sealed record Remembered(long At, Lazy<Task<ApiKeyHolder?>> Answer);
}

/// <summary>Adds the common parts of services that answer the API.</summary>
public static class ApiComposition
{
    /// <summary>Adds <see cref="ApiKeyAuthentication"/> and problem details; a second call changes nothing.</summary>
    public static IHostApplicationBuilder AddApi(this IHostApplicationBuilder builder)
    {
        if (builder.Services.Any(service => service.ServiceType == typeof(ApiKeyAuthentication)))
        {
            return builder;
        }

        builder.AddProblems();
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.AddTrackingOptions<ApiKeyOptions>(ApiKeyOptions.Section);
        builder.Services.AddMetrics();
        builder.Services.AddSingleton<ApiTelemetry>();
        builder.Services.AddSingleton<KnownApiKeys>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<KnownApiKeys>());
        builder.Services.AddSingleton(provider => new ApiKeyAuthentication(
            provider.GetRequiredService<NpgsqlDataSource>(),
            provider.GetRequiredService<IOptions<ApiKeyOptions>>(),
            provider.GetRequiredService<KnownApiKeys>(),
            provider.GetRequiredService<ApiTelemetry>(),
            provider.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton(
            provider => new ForgetOnChange(provider.GetRequiredService<ApiKeyAuthentication>().Forget));
        return builder;
    }
}

using System.Collections.Concurrent;
using System.ComponentModel.DataAnnotations;
using System.Reflection;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Links;

namespace Tracking.ServiceDefaults;

/// <summary>How API keys are looked up: <c>Tracking__ApiKeys__…</c>.</summary>
public sealed class ApiKeyOptions
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "ApiKeys";

    /// <summary>How long the answer for a key is remembered; 0 s to 5 s, default 3 s. A revoked key, or a key of a
    /// deleted cluster, may go on working that long: 5 s is the promise, the rest is for the query itself.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:05")]
    public TimeSpan RememberFor { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>Answers remembered at most; 100 to 1,000,000, default 10,000 (about 2 MB). Made-up keys fill it too:
    /// when it is full, it is emptied.</summary>
    [Range(100, 1_000_000)]
    public int MaxRemembered { get; set; } = 10_000;
}

/// <summary>Whose key a request carries. Bound as a handler's parameter on routes that require one.</summary>
/// <param name="KeyId">The key's id.</param>
/// <param name="Cluster">The cluster it opens; <see langword="null"/> for an admin key.</param>
public sealed record ApiKeyHolder(Guid KeyId, ClusterId? Cluster)
{
    /// <summary>Whether it opens every cluster.</summary>
    public bool IsAdmin => Cluster is null;

    /// <summary>Binds the holder that the access check found.</summary>
    public static ValueTask<ApiKeyHolder?> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(parameter);
        return ValueTask.FromResult(context.Features.Get<ApiKeyHolder>());
    }
}

/// <summary>
/// Finds whose an API key is, by its hash in <c>management.api_keys</c>. Answers are remembered for
/// <see cref="ApiKeyOptions.RememberFor"/>, one query per key however many ask at once.
/// </summary>
public sealed class ApiKeyAuthentication(
    NpgsqlDataSource dataSource, IOptions<ApiKeyOptions> options, TimeProvider time)
{
    private readonly ConcurrentDictionary<string, Remembered> _remembered = new(StringComparer.Ordinal);

    /// <summary>Finds the holder of a secret; <see langword="null"/>: unknown, revoked, or its cluster is
    /// deleted.</summary>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    public async ValueTask<ApiKeyHolder?> FindAsync(string? secret, CancellationToken cancellationToken)
    {
        if (!ApiKeySecret.TryHash(secret, out var hash))
        {
            return null;
        }

        var key = Convert.ToHexStringLower(hash);
        var now = time.GetTimestamp();
        if (!_remembered.TryGetValue(key, out var remembered)
            || time.GetElapsedTime(remembered.At, now) >= options.Value.RememberFor)
        {
            if (_remembered.Count >= options.Value.MaxRemembered)
            {
                _remembered.Clear();
            }

            // Lazy: of several that arrive here at once, one asks. It must not end with the request that began it.
            var fresh = new Remembered(now, new Lazy<Task<ApiKeyHolder?>>(() => QueryAsync(hash)));
            remembered = remembered is null
                ? _remembered.GetOrAdd(key, fresh)
                : _remembered.TryUpdate(key, fresh, remembered) ? fresh : _remembered.GetOrAdd(key, fresh);
        }

        try
        {
            return await remembered.Answer.Value.WaitAsync(cancellationToken);
        }
        catch when (remembered.Answer.Value.IsFaulted)
        {
            _remembered.TryRemove(KeyValuePair.Create(key, remembered));
            throw;
        }
    }

    /// <summary>Whether a cluster exists and is not deleted, asked of the database.</summary>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    internal async Task<bool> IsAliveAsync(ClusterId cluster, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            "SELECT EXISTS (SELECT FROM management.clusters WHERE id = $1 AND deleted_at IS NULL)");
        command.Parameters.Add(new() { Value = cluster.Value });
        return (bool)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>Forgets every answer: a key or cluster changed.</summary>
    public void Forget() => _remembered.Clear();

    private async Task<ApiKeyHolder?> QueryAsync(byte[] hash)
    {
        await using var command = dataSource.CreateCommand(
            """
            SELECT k.id, k.cluster_id
            FROM management.api_keys k
            LEFT JOIN management.clusters c ON c.id = k.cluster_id
            WHERE k.secret_hash = $1 AND k.revoked_at IS NULL
              AND (k.cluster_id IS NULL OR (c.id IS NOT NULL AND c.deleted_at IS NULL))
            """);
        command.Parameters.Add(new() { Value = hash });
        await using var reader = await command.ExecuteReaderAsync();
        return await reader.ReadAsync()
            ? new ApiKeyHolder(reader.GetGuid(0), reader.IsDBNull(1) ? null : new ClusterId(reader.GetInt32(1)))
            : null;
    }

    private sealed record Remembered(long At, Lazy<Task<ApiKeyHolder?>> Answer);
}

/// <summary>Adds API keys to a service that has an HTTP API.</summary>
public static class ApiKeyComposition
{
    /// <summary>Adds <see cref="ApiKeyAuthentication"/>; calling twice is once.</summary>
    public static IHostApplicationBuilder AddApiKeyAuthentication(this IHostApplicationBuilder builder)
    {
        if (builder.Services.Any(service => service.ServiceType == typeof(ApiKeyAuthentication)))
        {
            return builder;
        }

        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.AddTrackingOptions<ApiKeyOptions>(ApiKeyOptions.Section);
        builder.Services.AddSingleton<ApiKeyAuthentication>();
        return builder;
    }
}

using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using StackExchange.Redis;
using Tracking.Links;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.SharedCache;

/// <summary>
/// Redis as a cache between the memory of many processes and PostgreSQL. It holds sealed values that also exist
/// elsewhere, and is never the only source. It may be unavailable, frozen, flushed or overwritten by others: that only
/// costs speed. A read waits at most <see cref="SharedCacheOptions.CallTimeout"/>. After one read without an answer no
/// reader asks until Redis answers again. A write never makes a caller wait. Keys and values: <c>docs/redis.md</c>.
/// </summary>
public sealed partial class SharedValues : BackgroundService
{
    /// <summary>The beginning of all keys. The number changes when keys or values change their meaning.</summary>
    public const string KeyPrefix = "tracking:1:";

    /// <summary>The longest content, in bytes. Redis executes one command after the other, so a longer value would
    /// delay the others.</summary>
    public const int MaxContentBytes = 1 << 20;

    // Large enough that many writes share one round trip, and small enough that they usually fit into the socket's
    // buffer.
    private const int WritesAtOnce = 128;

    private readonly SharedCacheConnection _connection;
    private readonly CacheSeal _seal;
    private readonly SharedCacheOptions _options;
    private readonly TimeProvider _time;
    private readonly SharedCacheMeters _meters;
    private readonly ILogger<SharedValues> _logger;
    private readonly Channel<PendingWrite> _writes;
    private bool _isRefused;

    internal SharedValues(
        SharedCacheConnection connection,
        CacheSeal seal,
        SharedCacheOptions options,
        TimeProvider time,
        SharedCacheMeters meters,
        ILogger<SharedValues> logger)
    {
        (_connection, _seal, _options, _time, _meters, _logger) = (connection, seal, options, time, meters, logger);
        _writes = Channel.CreateBounded<PendingWrite>(
            new BoundedChannelOptions(options.PendingWrites) { SingleReader = true });
        meters.Observe(() => IsUsed);
    }

    /// <summary>Whether Redis is asked at present. Otherwise every read ends at once.</summary>
    public bool IsUsed => _connection.Database is not null;

    /// <summary>Reads a value. Never throws, and never takes longer than the timeout.</summary>
    /// <param name="key">The key after <see cref="KeyPrefix"/>.</param>
    /// <returns>The content; <see langword="null"/> without a value that one of us has written for this key.</returns>
    public async ValueTask<byte[]?> ReadAsync(string key)
    {
        if (_connection.Database is not { } database)
        {
            _meters.Read("skipped");
            return null;
        }

        var (outcome, content) = await ReadAsync(database, KeyPrefix + key);
        _meters.Read(outcome);
        return content;
    }

    /// <summary>Writes a value in the background. Never waits; values above the limit are dropped.</summary>
    /// <param name="key">The key after <see cref="KeyPrefix"/>.</param>
    /// <param name="content">At most <see cref="MaxContentBytes"/>. The bytes must not change afterwards.</param>
    /// <param name="age">The time that the value stays.</param>
    public void Write(string key, ReadOnlyMemory<byte> content, TimeSpan age)
    {
        if (!IsUsed
            || content.Length > MaxContentBytes
            || !_writes.Writer.TryWrite(new PendingWrite(KeyPrefix + key, content, age)))
        {
            _meters.Written("dropped");
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var batch = new List<PendingWrite>(WritesAtOnce);
        try
        {
            while (await _writes.Reader.WaitToReadAsync(stoppingToken))
            {
                batch.Clear();
                while (batch.Count < WritesAtOnce && _writes.Reader.TryRead(out var write))
                {
                    batch.Add(write);
                }

                await WriteAsync(batch);
            }
        }
        catch (OperationCanceledException)
        {
            // The process is stopping. The remaining values also exist elsewhere.
        }
    }

    private async Task<(string Outcome, byte[]? Content)> ReadAsync(IDatabase database, string key)
    {
        try
        {
            byte[]? value = await database.StringGetAsync(key).WaitAsync(_options.CallTimeout, _time);
            return value is null ? ("miss", null)
                : _seal.TryOpen(key, value, out var content) ? ("hit", content)
                : ("rejected", null);
        }
        catch (RedisServerException refused) when (refused.Message.StartsWith("WRONGTYPE", StringComparison.Ordinal))
        {
            // Another program has put a list or the like under this key. Only the key is wrong, so Redis is still used.
            return ("rejected", null);
        }
#pragma warning disable CA1031 // Every failure is counted and logged, and never stops a link.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _connection.Leave(exception);
            return ("failed", null);
        }
    }

    private async Task WriteAsync(List<PendingWrite> batch)
    {
        if (_connection.Database is not { } database)
        {
            _meters.Written("dropped", batch.Count);
            return;
        }

        try
        {
            var writing = batch.ConvertAll(write => database.StringSetAsync(
                write.Key, _seal.Seal(write.Key, write.Content.Span), write.Age));
            // No caller waits for these writes, so a busy Redis is not left out because of them.
            await Task.WhenAll(writing).WaitAsync(_options.ConnectTimeout, _time);
            _meters.Written("written", batch.Count);
            _isRefused = false;
        }
        catch (RedisServerException refused)
        {
            // Redis is full or read-only. Reading may still work.
            _meters.Written("failed", batch.Count);
            if (!_isRefused)
            {
                _isRefused = true;
                LogRefused(refused.Message);
            }
        }
#pragma warning disable CA1031 // As above.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _meters.Written("failed", batch.Count);
            _connection.Leave(exception);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The shared cache accepts no values: {Reason}")]
    private partial void LogRefused(string reason);

    private sealed record PendingWrite(string Key, ReadOnlyMemory<byte> Content, TimeSpan Age);
}

/// <summary>Adds <see cref="SharedValues"/>.</summary>
public static class SharedCacheComposition
{
    /// <summary>Adds the cache of <c>ConnectionStrings__redis</c> and <see cref="SharedLinks"/>. Without that string
    /// only the settings are added. Every service that uses the cache calls this; a second call changes
    /// nothing.</summary>
    public static IHostApplicationBuilder AddSharedCache(this IHostApplicationBuilder builder)
    {
        var services = builder.Services;
        builder.AddTrackingOptions<SharedCacheOptions>(SharedCacheOptions.Section);
        if (!SharedCacheString.IsConfigured(builder.Configuration)
            || services.Any(service => service.ServiceType == typeof(SharedValues)))
        {
            return builder;
        }

        builder.AddSettingCheck(SharedCacheString.Failures);
        if (SharedCacheString.Parse(builder.Configuration) is not { } connection)
        {
            // The start refuses it together with all other settings.
            return builder;
        }

        services.AddMetrics();
        services.AddSingleton<SharedCacheMeters>();
        services.AddSingleton(provider => new CacheSeal(provider.GetRequiredService<MasterKey>()));
        services.AddSingleton(provider => new SharedCacheConnection(
            connection,
            provider.GetRequiredService<IOptions<SharedCacheOptions>>().Value,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<SharedCacheConnection>>()));
        services.AddSingleton(provider => new SharedValues(
            provider.GetRequiredService<SharedCacheConnection>(),
            provider.GetRequiredService<CacheSeal>(),
            provider.GetRequiredService<IOptions<SharedCacheOptions>>().Value,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<SharedCacheMeters>(),
            provider.GetRequiredService<ILogger<SharedValues>>()));
        services.AddSingleton<SharedLinks>();
        services.AddSingleton<SharedImportedLinks>();
        services.AddHostedService(provider => provider.GetRequiredService<SharedCacheConnection>());
        services.AddHostedService(provider => provider.GetRequiredService<SharedValues>());
        return builder;
    }
}

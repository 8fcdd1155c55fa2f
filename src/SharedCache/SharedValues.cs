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
/// Redis between the memory of many processes and PostgreSQL: sealed values that can be had again elsewhere, never the
/// truth. It may be away, frozen, flushed or written to by somebody else, and costs speed only: a read waits at most
/// <see cref="SharedCacheOptions.CallTimeout"/>, and after one without an answer nobody asks until Redis answers again;
/// a write makes nobody wait. Keys and values: <c>docs/redis.md</c>.
/// </summary>
public sealed partial class SharedValues : BackgroundService
{
    /// <summary>What all keys begin with; the number changes when keys or values change their meaning.</summary>
    public const string KeyPrefix = "tracking:1:";

    /// <summary>The longest content, in bytes: Redis answers one command after the other, and a longer one would make
    /// the others wait.</summary>
    public const int MaxContentBytes = 1 << 20;

    // Deep enough that one round trip is shared by many, small enough that all of it fits the socket's buffer mostly.
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

    /// <summary>Whether Redis is asked at present; otherwise every read ends at once.</summary>
    public bool IsUsed => _connection.Database is not null;

    /// <summary>Reads a value. Never throws, and never takes longer than the timeout.</summary>
    /// <param name="key">The key after <see cref="KeyPrefix"/>.</param>
    /// <returns>The content; <see langword="null"/> when there is none that one of us has written for this
    /// key.</returns>
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

    /// <summary>Writes a value when there is time. Never waits; what is too much is dropped.</summary>
    /// <param name="key">The key after <see cref="KeyPrefix"/>.</param>
    /// <param name="content">At most <see cref="MaxContentBytes"/>; not changed afterwards.</param>
    /// <param name="age">How long it stays.</param>
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
            // Stopping: what is left can be had again.
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
            // Somebody has put a list or the like there: that key is wrong, not Redis.
            return ("rejected", null);
        }
#pragma warning disable CA1031 // Whatever it is: counted, logged, and never the reason that a link does not work.
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
            // Nobody waits for these, so a Redis that is only busy is not left out because of them.
            await Task.WhenAll(writing).WaitAsync(_options.ConnectTimeout, _time);
            _meters.Written("written", batch.Count);
            _isRefused = false;
        }
        catch (RedisServerException refused)
        {
            // Full, or read-only: reading may well go on.
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "The shared cache takes no values: {Reason}")]
    private partial void LogRefused(string reason);

    private sealed record PendingWrite(string Key, ReadOnlyMemory<byte> Content, TimeSpan Age);
}

/// <summary>Adds <see cref="SharedValues"/>.</summary>
public static class SharedCacheComposition
{
    /// <summary>Adds the cache of <c>ConnectionStrings__redis</c> and <see cref="SharedLinks"/>; without that string
    /// nothing but the settings. Every service that uses it calls this; calling twice is once.</summary>
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
            // Refused at start with all the other settings.
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
        services.AddHostedService(provider => provider.GetRequiredService<SharedCacheConnection>());
        services.AddHostedService(provider => provider.GetRequiredService<SharedValues>());
        return builder;
    }
}

using System.Diagnostics.Metrics;
using Microsoft.Extensions.Options;
using StackExchange.Redis;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Links;
using Tracking.Servers;
using Tracking.SharedCache;

namespace Tracking.Functional.Tests.SharedCache;

/// <summary>The shared cache as one process uses it, with its own metrics.</summary>
internal sealed class CacheUser : IMeterFactory, IAsyncDisposable
{
    /// <summary>A timeout longer than any answer takes on a busy machine, for tests that need an answer.</summary>
    public static readonly TimeSpan Patient = TimeSpan.FromSeconds(30);

    private readonly List<Meter> _meters = [];
    private readonly MeterListener _listener = new();
    private readonly Dictionary<string, long> _counts = [];
    private readonly MasterKey _master;
    private readonly CacheSeal _seal;

    /// <param name="connection">The connection string, as in <c>ConnectionStrings__redis</c>.</param>
    /// <param name="master">The installation's master key. Default: all zeros.</param>
    /// <param name="change">Changes the settings.</param>
    public CacheUser(string connection, byte[]? master = null, Action<SharedCacheOptions>? change = null)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (ReferenceEquals(instrument.Meter.Scope, this))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>(Count);
        _listener.Start();

        var options = new SharedCacheOptions { CallTimeout = Patient, RetryAfter = TimeSpan.FromMilliseconds(20) };
        change?.Invoke(options);
        _master = new MasterKey(master ?? new byte[MasterKey.Size]);
        _seal = new CacheSeal(_master);
        Connection = new SharedCacheConnection(
            ConfigurationOptions.Parse(connection), options, TimeProvider.System, Log);
        Cache = new SharedValues(
            Connection, _seal, options, TimeProvider.System, new SharedCacheMeters(this),
            new KeptLog<SharedValues>());
        Links = new SharedLinks(Cache, Options.Create(options), LinkLog);
    }

    public SharedCacheConnection Connection { get; }

    public SharedValues Cache { get; }

    public SharedLinks Links { get; }

    public KeptLog<SharedCacheConnection> Log { get; } = new();

    public KeptLog<SharedLinks> LinkLog { get; } = new();

    /// <summary>The value of a counter, by its name or by <c>name/outcome</c>.</summary>
    public long this[string name]
    {
        get
        {
            lock (_counts)
            {
                return _counts.GetValueOrDefault(name);
            }
        }
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>Starts the cache as a host does, without waiting for Redis.</summary>
    public async Task<CacheUser> StartAsync()
    {
        await Connection.StartAsync(Cancelled);
        await Cache.StartAsync(Cancelled);
        return this;
    }

    /// <summary>Makes and starts a cache, and waits until Redis answers.</summary>
    public static async Task<CacheUser> UsingAsync(
        TestRedis redis, byte[]? master = null, Action<SharedCacheOptions>? change = null)
    {
        await redis.StartAsync(Cancelled);
        var user = await new CacheUser(redis.ConnectionString, master, change).StartAsync();
        await user.UsesAsync();
        return user;
    }

    public Task UsesAsync() => Eventually.HoldsAsync(() => Cache.IsUsed, "the cache is used", Cancelled);

    /// <summary>A value in the form in which this process writes it.</summary>
    public byte[] Seal(string key, ReadOnlySpan<byte> content) => _seal.Seal(key, content);

    public Meter Create(MeterOptions options)
    {
        options.Scope = this;
        var meter = new Meter(options);
        _meters.Add(meter);
        return meter;
    }

    public async ValueTask DisposeAsync()
    {
        await Cache.StopAsync(CancellationToken.None);
        await Connection.StopAsync(CancellationToken.None);
        Cache.Dispose();
        Connection.Dispose();
        Dispose();
    }

    public void Dispose()
    {
        _seal.Dispose();
        _master.Dispose();
        _listener.Dispose();
        _meters.ForEach(meter => meter.Dispose());
    }

    private void Count(
        Instrument instrument, long value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state)
    {
        lock (_counts)
        {
            _counts[instrument.Name] = _counts.GetValueOrDefault(instrument.Name) + value;
            foreach (var (name, tag) in tags)
            {
                if (name == "outcome")
                {
                    var key = $"{instrument.Name}/{tag}";
                    _counts[key] = _counts.GetValueOrDefault(key) + value;
                }
            }
        }
    }
}

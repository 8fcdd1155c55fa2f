using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;

namespace Tracking.Api;

/// <summary>
/// Which API keys there are, in memory, so that an invented one costs no query. Whether a key works is asked of the
/// database all the same; this only says whether asking makes sense. Read at start, when a change is announced, and every
/// <see cref="SystemOptions.DirectoryRefresh"/>.
/// </summary>
internal sealed partial class KnownApiKeys(
    NpgsqlDataSource dataSource,
    IOptions<SystemOptions> options,
    TimeProvider time,
    ILogger<KnownApiKeys> logger) : BackgroundService
{
    // All keys are read each time, and every change of a setting is announced: a second apart is soon enough, since a
    // key that is not known yet is looked up.
    private static readonly TimeSpan _shortestPause = TimeSpan.FromSeconds(1);

    // A hundred thousand keys are read in a tenth of it. A database that is away must not hold up the start.
    private static readonly TimeSpan _longestStart = TimeSpan.FromSeconds(2);

    // The first half of each hash, with the reading that saw it last. 128 bits of SHA-256 are not hit by guessing.
    private readonly ConcurrentDictionary<UInt128, long> _keys = new();
    private readonly SemaphoreSlim _requested = new(0, 1);
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _reading;
    private bool _isAway;

    /// <summary>Whether there may be such a key.</summary>
    public bool Contains(UInt128 key) => _keys.ContainsKey(key);

    /// <summary>Adds a key that was found in the database.</summary>
    public void Add(UInt128 key) => _keys[key] = Interlocked.Read(ref _reading);

    /// <summary>Reads again soon; several requests at once are one.</summary>
    public void RequestNow()
    {
        try
        {
            _requested.Release();
        }
        catch (SemaphoreFullException)
        {
            // One is already waiting and has not begun to read: it will see this change too.
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _requested.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await base.StartAsync(cancellationToken);
        await Task.WhenAny(_begun.Task, Task.Delay(_longestStart, time, cancellationToken));
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                var isRead = await ReadAsync(stoppingToken);
                _begun.TrySetResult();
                await Task.Delay(_shortestPause, time, stoppingToken);
                if (!isRead)
                {
                    // Until it is, a flood of invented keys could keep those out that there are.
                    continue;
                }

                using var wake = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
                await Task.WhenAny(
                    _requested.WaitAsync(wake.Token), Task.Delay(options.Value.DirectoryRefresh, time, wake.Token));
                await wake.CancelAsync();
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The process stops.
        }
    }

    private async Task<bool> ReadAsync(CancellationToken cancellationToken)
    {
        var reading = Interlocked.Increment(ref _reading);
        try
        {
            await using var command = dataSource.CreateCommand(
                "SELECT substring(secret_hash FROM 1 FOR 16) FROM management.api_keys WHERE revoked_at IS NULL");
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                _keys[ApiKeySecret.ShortHash(reader.GetFieldValue<byte[]>(0))] = reading;
            }
        }
        catch (Exception exception) when (StoreAway.FaultOf(exception) != StoreFault.None)
        {
            if (!_isAway)
            {
                LogDatabaseAway(exception.Message);
            }

            _isAway = true;
            return false;
        }

        _isAway = false;

        foreach (var (key, seen) in _keys)
        {
            // What was added since this reading began has its number too.
            if (seen < reading)
            {
                _keys.TryRemove(KeyValuePair.Create(key, seen));
            }
        }

        return true;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "API keys stay as they were read, the database is away: {Reason}")]
    private partial void LogDatabaseAway(string reason);
}

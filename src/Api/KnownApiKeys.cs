using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;

namespace Tracking.Api;

/// <summary>
/// The existing API keys in memory, so that an invented key costs no query. The database still decides whether a key
/// works. This class only says whether asking makes sense. The keys are read at start, after each announced change, and
/// every <see cref="SystemOptions.DirectoryRefresh"/>.
/// </summary>
internal sealed partial class KnownApiKeys(
    NpgsqlDataSource dataSource,
    IOptions<SystemOptions> options,
    TimeProvider time,
    ILogger<KnownApiKeys> logger) : BackgroundService
{
    // Each reading reads all keys, and every change of a setting is announced. One reading per second is enough,
    // because a key that is not known yet is looked up.
    private static readonly TimeSpan _shortestPause = TimeSpan.FromSeconds(1);

    // A hundred thousand keys are read in a tenth of this time. An unavailable database must not delay the start.
    private static readonly TimeSpan _longestStart = TimeSpan.FromSeconds(2);

    // The first half of each hash, with the number of the last reading that found it. Guessing does not hit 128 bits of
    // SHA-256.
    private readonly ConcurrentDictionary<UInt128, long> _keys = new();
    private readonly SemaphoreSlim _requested = new(0, 1);
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _reading;
    private bool _isAway;

    /// <summary>Whether the key may exist.</summary>
    public bool Contains(UInt128 key) => _keys.ContainsKey(key);

    /// <summary>Adds a key that was found in the database.</summary>
    public void Add(UInt128 key) => _keys[key] = Interlocked.Read(ref _reading);

    /// <summary>Reads again soon. Several simultaneous requests cause one reading.</summary>
    public void RequestNow()
    {
        try
        {
            _requested.Release();
        }
        catch (SemaphoreFullException)
        {
            // A waiting request has not begun to read, so it will see this change too.
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
                    // Until the first reading succeeds, a flood of invented keys could block existing keys.
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
            // The process is stopping.
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
            // Keys that were added since this reading began have its number too.
            if (seen < reading)
            {
                _keys.TryRemove(KeyValuePair.Create(key, seen));
            }
        }

        return true;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The database is unavailable, so known API keys stay: {Reason}")]
    private partial void LogDatabaseAway(string reason);
}

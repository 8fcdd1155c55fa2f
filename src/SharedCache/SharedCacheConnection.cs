using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Tracking.SharedCache;

/// <summary>
/// The connection of <see cref="SharedValues"/>, which the library makes and keeps, behind a breaker: the first caller
/// without an answer opens it for all, and only an answer to a question asked in the background closes it. So a Redis
/// that is frozen costs one timeout and not one with each trial.
/// </summary>
/// <remarks>Not the library's own breaker: it closes a connection after several failures and takes every new one for
/// healthy, so a slow Redis would be tried by callers again and again. Not Polly's: there callers are the
/// trial.</remarks>
internal sealed partial class SharedCacheConnection(
    ConfigurationOptions connection,
    SharedCacheOptions options,
    TimeProvider time,
    ILogger<SharedCacheConnection> logger) : BackgroundService
{
    // Asked for and not pinged: an account without the right to read answers pings.
    private const string ProbeKey = SharedValues.KeyPrefix + "probe";

    private readonly SemaphoreSlim _left = new(0, 1);
    private volatile IDatabase? _database;
    private volatile bool _isUsed;
    // Reasons told since it was last used. The first failure of a slow connection is often not the cause: a wrong
    // password is a time-out first.
    private readonly HashSet<string> _told = [];

    /// <summary>Where to ask; <see langword="null"/> while the cache is left out.</summary>
    public IDatabase? Database => _isUsed ? _database : null;

    /// <summary>Commands without an answer, which the library keeps in memory.</summary>
    public long Outstanding => _database?.Multiplexer.GetCounters().TotalOutstanding ?? 0;

    /// <summary>Leaves the cache out until it answers again.</summary>
    /// <param name="exception">What came instead of an answer.</param>
    public void Leave(Exception exception)
    {
        if (!_isUsed)
        {
            return;
        }

        _isUsed = false;
        Tell(Reason(exception));
        try
        {
            _left.Release();
        }
        catch (Exception released) when (released is SemaphoreFullException or ObjectDisposedException)
        {
            // Somebody else saw it too, or the process stops.
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _left.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Ends after the connect timeout at the latest, connected or not; from then on the library tries by itself.
        var connecting = ConnectionMultiplexer.ConnectAsync(SharedCacheString.With(connection, options));
        try
        {
            var made = await connecting.WaitAsync(stoppingToken);
            made.ConnectionFailed += (_, failed) => TellWhileAway(failed.FailureType.ToString());
            _database = made.GetDatabase();
            while (true)
            {
                if (await AnswersAsync(_database, stoppingToken))
                {
                    Use();
                    await _left.WaitAsync(stoppingToken);
                }

                await Task.Delay(options.RetryAfter, time, stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
        finally
        {
            (_isUsed, _database) = (false, null);
            _ = CloseAsync(connecting);
        }
    }

    // Commands under way have nobody who waits for them any more.
    private static async Task CloseAsync(Task<ConnectionMultiplexer> connecting) =>
        await (await connecting).CloseAsync(allowCommandsToComplete: false);

    private void Use()
    {
        _left.Wait(0, CancellationToken.None);
        lock (_told)
        {
            _told.Clear();
        }

        _isUsed = true;
        LogUsed();
    }

    private async Task<bool> AnswersAsync(IDatabase database, CancellationToken stoppingToken)
    {
        try
        {
            await database.StringGetAsync(ProbeKey).WaitAsync(options.CallTimeout, time, stoppingToken);
            return true;
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            Tell(Reason(exception));
            return false;
        }
    }

    // What an operator needs of it: the library's own messages carry keys and counters at length.
    private static string Reason(Exception exception) => exception switch
    {
        TimeoutException => "no answer in time",
        RedisServerException refused => refused.Message,
        RedisConnectionException { InnerException: RedisConnectionException cause } => Reason(cause),
        RedisConnectionException { FailureType: ConnectionFailureType.UnableToResolvePhysicalConnection } =>
            "no connection",
        RedisConnectionException failed => failed.FailureType.ToString(),
        _ => exception.GetType().Name,
    };

    // A connection that breaks while it is used may be back before anybody asks.
    private void TellWhileAway(string reason)
    {
        if (!_isUsed)
        {
            Tell(reason);
        }
    }

    // Once for each reason while it is away, not with every trial.
    private void Tell(string reason)
    {
        lock (_told)
        {
            if (!_told.Add(reason))
            {
                return;
            }
        }

        LogLeft(reason);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The shared cache answers and is used")]
    private partial void LogUsed();

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "The shared cache is left out until it answers again: {Reason}")]
    private partial void LogLeft(string reason);
}

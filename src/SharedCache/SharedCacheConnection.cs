using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Tracking.SharedCache;

/// <summary>
/// The connection of <see cref="SharedValues"/>, behind a breaker; the library makes and keeps the connection. The
/// first caller without an answer opens the breaker for all callers, and only an answer to a question asked in the
/// background closes it. So a frozen Redis costs one timeout, and not one for each trial.
/// </summary>
/// <remarks>The library's own breaker closes a connection after several failures and counts every new connection as
/// healthy, so callers would try a slow Redis again and again. With Polly's breaker, callers are the trial
/// too.</remarks>
internal sealed partial class SharedCacheConnection(
    ConfigurationOptions connection,
    SharedCacheOptions options,
    TimeProvider time,
    ILogger<SharedCacheConnection> logger) : BackgroundService
{
    // A read instead of a ping: an account without the right to read still answers pings.
    private const string ProbeKey = SharedValues.KeyPrefix + "probe";

    private readonly SemaphoreSlim _left = new(0, 1);
    private volatile IDatabase? _database;
    private volatile bool _isUsed;
    // The reasons logged since the last use. The first failure of a slow connection is often not the cause: a wrong
    // password first appears as a time-out.
    private readonly HashSet<string> _told = [];

    /// <summary>The database to ask; <see langword="null"/> while the cache is left out.</summary>
    public IDatabase? Database => _isUsed ? _database : null;

    /// <summary>The number of commands without an answer; the library keeps them in memory.</summary>
    public long Outstanding => _database?.Multiplexer.GetCounters().TotalOutstanding ?? 0;

    /// <summary>Leaves the cache out until it answers again.</summary>
    /// <param name="exception">The failure that replaced the answer.</param>
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
            // Another caller has already reported the failure, or the process is stopping.
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
        // Ends after the connect timeout at the latest, with or without a connection. After that the library tries by
        // itself.
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
            // The process is stopping.
        }
        finally
        {
            (_isUsed, _database) = (false, null);
            _ = CloseAsync(connecting);
        }
    }

    // No caller waits for the commands in progress any more.
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

    // The part of the reason that an operator needs: the library's own messages are long, with keys and counters.
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

    // A connection that breaks while it is used may return before the next question.
    private void TellWhileAway(string reason)
    {
        if (!_isUsed)
        {
            Tell(reason);
        }
    }

    // Logs each reason once per outage, and not at every trial.
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

using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Tracking.ServiceDefaults;

/// <summary>
/// The connection of <see cref="SharedCache"/> and its breaker: the first caller that gets no answer opens it for all,
/// and only an answer to a question asked in the background closes it. So a Redis that is frozen costs one timeout and
/// not one with each trial, and what it is asked meanwhile, which the library keeps in memory, is one question at a
/// time. A connection that stays without any answer is made anew: an open socket proves nothing.
/// </summary>
/// <remarks>Not Polly's breaker: there callers are the trial, and it needs two failures before it opens.</remarks>
internal sealed partial class KeepCacheConnected(
    ConfigurationOptions connection,
    SharedCacheOptions options,
    TimeProvider time,
    ILogger<KeepCacheConnected> logger) : BackgroundService
{
    private const string ProbeKey = SharedCache.KeyPrefix + "probe";

    private readonly ConfigurationOptions _connection = SharedCacheString.With(connection, options);
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
    /// <param name="database">Where there was no answer; one that has been replaced since does not count.</param>
    /// <param name="exception">What came instead.</param>
    public void Leave(IDatabase database, Exception exception)
    {
        if (!ReferenceEquals(database, Database))
        {
            return;
        }

        _isUsed = false;
        Tell(exception);
        try
        {
            _left.Release();
        }
        catch (Exception released) when (released is SemaphoreFullException or ObjectDisposedException)
        {
            // Somebody else saw it too, or the process stops.
        }
    }

    /// <summary>What an operator needs of it: the library's own messages carry keys and counters at length.</summary>
    public static string Reason(Exception exception) => exception switch
    {
        TimeoutException => "no answer in time",
        RedisServerException refused => refused.Message,
        RedisConnectionException { InnerException: RedisConnectionException cause } => Reason(cause),
        RedisConnectionException failed => failed.FailureType.ToString(),
        _ => exception.GetType().Name,
    };

    /// <summary>Whoever waits for it may have gone when it fails.</summary>
    public static Task<T> Observed<T>(Task<T> task)
    {
        _ = task.ContinueWith(
            static failed => _ = failed.Exception,
            CancellationToken.None,
            TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
        return task;
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
        try
        {
            while (true)
            {
                // On another thread: it resolves names before it returns.
                var connecting = Task.Run(ConnectAsync, CancellationToken.None);
                try
                {
                    if (await connecting.WaitAsync(stoppingToken) is { } made)
                    {
                        await UseAsync(made.GetDatabase(), stoppingToken);
                    }
                }
                finally
                {
                    (_isUsed, _database) = (false, null);
                    // Not waited for: closing what does not answer takes its time.
                    _ = connecting.ContinueWith(
                        static connected => connected.Result?.Dispose(),
                        CancellationToken.None,
                        TaskContinuationOptions.OnlyOnRanToCompletion,
                        TaskScheduler.Default);
                }

                await Task.Delay(options.RetryAfter, time, stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private async Task<ConnectionMultiplexer?> ConnectAsync()
    {
        try
        {
            return await ConnectionMultiplexer.ConnectAsync(_connection.Clone());
        }
#pragma warning disable CA1031 // It is tried again and again, and the first time is logged.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Tell(exception);
            return null;
        }
    }

    /// <summary>Returns when this connection is to be given up.</summary>
    private async Task UseAsync(IDatabase database, CancellationToken stoppingToken)
    {
        _database = database;
        while (await AnswersAsync(database, stoppingToken))
        {
            _left.Wait(0, CancellationToken.None);
            lock (_told)
            {
                _told.Clear();
            }

            _isUsed = true;
            LogUsed();
            await _left.WaitAsync(stoppingToken);
            await Task.Delay(options.RetryAfter, time, stoppingToken);
        }

        LogRebuilt(options.ReconnectAfter);
    }

    /// <summary>Asks until an answer comes as fast as callers need it.</summary>
    /// <returns><see langword="false"/> when a question stayed without any answer.</returns>
    private async Task<bool> AnswersAsync(IDatabase database, CancellationToken stoppingToken)
    {
        while (true)
        {
            var asking = Observed(Task.Run(() => database.StringGetAsync(ProbeKey), CancellationToken.None));
            var answered = Task.WhenAny(asking);
            var began = time.GetTimestamp();
            try
            {
                await answered.WaitAsync(options.ReconnectAfter, time, stoppingToken);
            }
            catch (TimeoutException)
            {
                return false;
            }

            var isFast = time.GetElapsedTime(began) <= options.CallTimeout;
            if (asking.IsCompletedSuccessfully && isFast)
            {
                return true;
            }

            if (asking.Exception is { InnerException: { } failed })
            {
                Tell(failed);
            }

            await Task.Delay(options.RetryAfter, time, stoppingToken);
        }
    }

    // Once for each reason while it is away, not with every trial.
    private void Tell(Exception exception)
    {
        var reason = Reason(exception);
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

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "The connection to the shared cache has not answered for {Time} and is made anew")]
    private partial void LogRebuilt(TimeSpan time);
}

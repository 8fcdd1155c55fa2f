using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.SharedCache;

namespace Tracking.Rewrite.Registration;

/// <summary>
/// Writes messages and their links to PostgreSQL before the message leaves. Simultaneous registrations share one
/// transaction and one round trip: the database costs a round trip per batch, not per link.
/// </summary>
public sealed partial class RegisterMessages(
    NpgsqlDataSource dataSource,
    KnownDestinations known,
    IOptions<RewriteOptions> options,
    IHostApplicationLifetime lifetime,
    TimeProvider time,
    ILogger<RegisterMessages> logger,
    SharedLinks? shared = null) : BackgroundService
{
    // One for a database that has just changed its state. The others are for a connection pooler that still gives out
    // connections to the old server for a moment.
    private const int MostStates = 5;

    // Ends the waiting when the process stops. The server stops first, and waits for requests in progress.
    private readonly CancellationTokenSource _leaving = new();

    private readonly SemaphoreSlim _committing = new(1, 1);

    private readonly Channel<PendingRegistration> _pending = Channel.CreateBounded<PendingRegistration>(
        new BoundedChannelOptions(options.Value.RegistrationBatch * options.Value.RegistrationConnections * 4));

    /// <summary>Registers a message. Returns after the commit, or when the store is unavailable.</summary>
    public async Task<RegistrationResult> RegisterAsync(
        MessageRegistration registration, CancellationToken cancellationToken)
    {
        var pending = new PendingRegistration(registration, known.Now);
        using var limit = new CancellationTokenSource(options.Value.RegistrationTimeout, time);
        using var either =
            CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _leaving.Token, cancellationToken);
        try
        {
            await _pending.Writer.WriteAsync(pending, either.Token);
            return await pending.Completion.Task.WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return RegistrationResult.StoreUnavailable;
        }
        catch (ChannelClosedException)
        {
            return RegistrationResult.StoreUnavailable;
        }
        finally
        {
            // A registration whose caller no longer waits is not started. After an outage the queue is full of these.
            pending.Completion.TrySetResult(RegistrationResult.StoreUnavailable);
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _leaving.Dispose();
        _committing.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await using var leaving = lifetime.ApplicationStopping.Register(
            () => _leaving.CancelAfter(options.Value.RegistrationStopGrace));
        var workers = Enumerable.Range(0, options.Value.RegistrationConnections).Select(_ => WorkAsync(stoppingToken));
        await Task.WhenAll(workers);
        _pending.Writer.TryComplete();
        while (_pending.Reader.TryRead(out var pending))
        {
            pending.Completion.TrySetResult(RegistrationResult.StoreUnavailable);
        }
    }

    private async Task WorkAsync(CancellationToken stoppingToken)
    {
        var batch = new List<PendingRegistration>(options.Value.RegistrationBatch);
        try
        {
            while (await _pending.Reader.WaitToReadAsync(stoppingToken))
            {
                // Registrations that arrive during another commit share a transaction: one transaction costs as much as
                // several messages.
                var isFirst = await _committing.WaitAsync(options.Value.RegistrationGather, stoppingToken);
                try
                {
                    Take(batch);
                    await RegisterAsync(batch, stoppingToken);
                }
                finally
                {
                    if (isFirst)
                    {
                        _committing.Release();
                    }
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            batch.ForEach(pending => pending.Completion.TrySetResult(RegistrationResult.StoreUnavailable));
        }
    }

    private void Take(List<PendingRegistration> batch)
    {
        batch.Clear();
        while (batch.Count < options.Value.RegistrationBatch && _pending.Reader.TryRead(out var pending))
        {
            if (!pending.Completion.Task.IsCompleted)
            {
                batch.Add(pending);
            }
        }
    }

    private async Task RegisterAsync(List<PendingRegistration> batch, CancellationToken cancellationToken)
    {
        try
        {
            await StoreAsync(batch, cancellationToken);
            batch.ForEach(pending => pending.Complete());
            // Runs after the answer and without waiting: a mail that has left does not need it.
            Share(batch);
        }
        catch (Exception exception) when (StoreAway.Is(exception))
        {
            // The next answer may come from another server, or from this server restored from a backup.
            known.Forget();
            Unavailable(batch, exception);
        }
        catch (Exception exception) when (exception is not OperationCanceledException && batch.Count > 1)
        {
            // One message that cannot be stored must not fail its neighbours. Halving the batch costs a few commits
            // more, instead of one commit for each message.
            batch.RemoveAll(pending => pending.Completion.Task.IsCompleted);
            var half = batch.Count / 2;
            await RegisterAsync(batch[..half], cancellationToken);
            await RegisterAsync(batch[half..], cancellationToken);
        }
        catch (Exception exception) when (StoreAway.IsOrUnfit(exception))
        {
            Unavailable(batch, exception);
        }
#pragma warning disable CA1031 // The waiting caller gets the exception; the worker must continue for others.
        catch (Exception exception) when (exception is not OperationCanceledException)
#pragma warning restore CA1031
        {
            foreach (var pending in batch)
            {
                LogRefused(exception, pending.Registration.MessageId);
                pending.Completion.TrySetException(exception);
            }
        }
    }

    /// <summary>Returns after everything is committed, in the state of the database that the known links come
    /// from.</summary>
    private async Task StoreAsync(List<PendingRegistration> batch, CancellationToken cancellationToken)
    {
        for (var states = 0; states < MostStates; states++)
        {
            var memory = known.Now;
            batch.ForEach(pending => pending.Begin(memory));
            if (await StoreAsync(batch, memory, cancellationToken) && memory == known.Now)
            {
                return;
            }
        }

        throw new NpgsqlException("Each attempt was answered by another state of the database.");
    }

    private async Task<bool> StoreAsync(
        List<PendingRegistration> batch, KnownDestinations.Memory memory, CancellationToken cancellationToken)
    {
        // A second round is needed only if two different hashes share a short one: once in many thousand years.
        for (var open = Open(batch); open.Count > 0; open = Open(open))
        {
            var state = await RegistrationSql.ExecuteAsync(dataSource, open, cancellationToken);
            if (!memory.IsOf(state))
            {
                LogOtherState();
                known.Forget();
                return false;
            }
        }

        return true;
    }

    private void Unavailable(List<PendingRegistration> batch, Exception exception)
    {
        LogStoreUnavailable(batch.Count, exception.Message);
        batch.ForEach(pending => pending.Completion.TrySetResult(RegistrationResult.StoreUnavailable));
    }

    private void Share(List<PendingRegistration> batch)
    {
        if (shared is null)
        {
            return;
        }

        foreach (var pending in batch)
        {
            pending.NewLinks.ForEach(link => shared.Offer(pending.Registration.Cluster, link.Id, link.Url));
        }
    }

    private static List<PendingRegistration> Open(List<PendingRegistration> batch) =>
        batch.FindAll(pending => !pending.IsSettled);

    [LoggerMessage(Level = LogLevel.Error, Message = "Message {MessageId} cannot be registered")]
    private partial void LogRefused(Exception exception, string messageId);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "{Count} messages were not registered because the store is unavailable: {Reason}")]
    private partial void LogStoreUnavailable(int count, string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Another server or another state of the database answers; the known links are forgotten")]
    private partial void LogOtherState();
}

using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.ServiceDefaults;

namespace Tracking.Rewrite.Registration;

/// <summary>
/// Writes messages and their links to PostgreSQL before the message leaves. Whatever is asked for at the same time goes
/// in one transaction and one round trip: the database costs a round trip per batch, not per link.
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
    // Ends waiting when the process stops: its listener is the first to stop and waits for requests under way.
    private readonly CancellationTokenSource _leaving = new();

    private readonly SemaphoreSlim _committing = new(1, 1);

    private readonly Channel<PendingRegistration> _pending = Channel.CreateBounded<PendingRegistration>(
        new BoundedChannelOptions(options.Value.RegistrationBatch * options.Value.RegistrationConnections * 4));

    /// <summary>Registers a message; returns after the commit, or when the store is unavailable.</summary>
    public async Task<RegistrationResult> RegisterAsync(
        MessageRegistration registration, CancellationToken cancellationToken)
    {
        var pending = new PendingRegistration(registration, known);
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
            // What nobody waits for any more is not begun: after an outage the queue holds nothing but that.
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
                // What comes while another commits goes together: one transaction costs as much as several messages.
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
            // Another round only for what met a foreign hash under its short one: once in many thousand years.
            for (var open = Open(batch); open.Count > 0; open = Open(open))
            {
                await RegistrationSql.ExecuteAsync(dataSource, open, cancellationToken);
            }

            batch.ForEach(pending => pending.Complete(known));
            // Behind the answer, and it waits for nothing: a mail that has left does not need it.
            Share(batch);
        }
        catch (Exception exception) when (IsStoreAway(exception))
        {
            LogStoreUnavailable(batch.Count, exception.Message);
            batch.ForEach(pending => pending.Completion.TrySetResult(RegistrationResult.StoreUnavailable));
        }
        catch (Exception exception) when (exception is not OperationCanceledException && batch.Count > 1)
        {
            // One message that cannot be stored must not take its neighbours with it.
            foreach (var pending in batch)
            {
                await RegisterAsync([pending], cancellationToken);
            }
        }
#pragma warning disable CA1031 // Whatever it is goes to the one who waits for it; the worker must live on for others.
        catch (Exception exception) when (exception is not OperationCanceledException && batch.Count == 1)
#pragma warning restore CA1031
        {
            LogRefused(exception, batch[0].Registration.MessageId);
            batch[0].Completion.TrySetException(exception);
        }
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

    // SQLSTATE classes 22 (data exception) and 23 (integrity constraint violation) speak of a row, not of the store.
    private static bool IsStoreAway(Exception exception) => exception switch
    {
        PostgresException answer => answer.SqlState[..2] is not ("22" or "23"),
        NpgsqlException or TimeoutException or IOException => true,
        _ => false,
    };

    [LoggerMessage(Level = LogLevel.Error, Message = "Message {MessageId} cannot be registered")]
    private partial void LogRefused(Exception exception, string messageId);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "{Count} messages were not registered, the store is unavailable: {Reason}")]
    private partial void LogStoreUnavailable(int count, string reason);
}

using System.Collections.Concurrent;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Tracking.Bus;

/// <summary>A connection of <see cref="ConfirmedPublisher"/>: one channel that small messages share, and one channel
/// for each large message.</summary>
#pragma warning disable CA1001 // A semaphore without a wait handle holds no resource to dispose.
internal sealed class PublisherConnection(IConnection connection)
#pragma warning restore CA1001
{
    private readonly SemaphoreSlim _opening = new(1, 1);
    private readonly ConcurrentBag<PublisherChannel> _free = [];
    private volatile PublisherChannel? _shared;
    private int _abandoned;

    /// <summary>Whether the connection accepts a new publish.</summary>
    public bool IsOpen => connection.IsOpen && Volatile.Read(ref _abandoned) == 0;

    /// <summary>The channel that many messages share.</summary>
    public async Task<PublisherChannel> ShareAsync()
    {
        if (_shared is { IsOpen: true } open)
        {
            return open;
        }

        await _opening.WaitAsync();
        try
        {
            if (_shared is { IsOpen: true } other)
            {
                return other;
            }

            _shared?.Abandon();
            return _shared = await OpenAsync();
        }
        finally
        {
            _opening.Release();
        }
    }

    /// <summary>A channel for one publish.</summary>
    public async Task<PublisherChannel> TakeAsync()
    {
        while (_free.TryTake(out var free))
        {
            if (free.IsOpen)
            {
                return free;
            }
        }

        return await OpenAsync();
    }

    /// <summary>Returns a channel after a successful publish, for the next one.</summary>
    public void PutBack(PublisherChannel channel) => _free.Add(channel);

    /// <summary>Ends the connection without waiting: closing may hang where publishing hung.</summary>
    public void Abandon()
    {
        if (Interlocked.Exchange(ref _abandoned, 1) == 0)
        {
            _ = Task.Run(async () =>
            {
                try
                {
                    await connection.AbortAsync(TimeSpan.FromSeconds(1));
                    await connection.DisposeAsync();
                }
                catch (Exception exception) when (exception is RabbitMQClientException or IOException
                    or TimeoutException or OperationCanceledException or ObjectDisposedException)
                {
                    // The connection is gone in either case.
                }
            });
        }
    }

    // Opens a channel with confirms, but without the client's tracking of them.
    private async Task<PublisherChannel> OpenAsync() => new(await connection.CreateChannelAsync(
        new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: false)));
}

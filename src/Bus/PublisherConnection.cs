using System.Collections.Concurrent;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Tracking.Bus;

/// <summary>A connection of <see cref="ConfirmedPublisher"/>: one channel that small messages share, and those that
/// carry a large one each.</summary>
#pragma warning disable CA1001 // A semaphore whose wait handle nobody asks for holds nothing that must be freed.
internal sealed class PublisherConnection(IConnection connection)
#pragma warning restore CA1001
{
    private readonly SemaphoreSlim _opening = new(1, 1);
    private readonly ConcurrentBag<PublisherChannel> _free = [];
    private volatile PublisherChannel? _shared;
    private int _abandoned;

    /// <summary>Whether anything may still be begun on it.</summary>
    public bool IsOpen => connection.IsOpen && Volatile.Read(ref _abandoned) == 0;

    /// <summary>The channel that many publishes share.</summary>
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

    /// <summary>The publish has ended well; the channel takes the next.</summary>
    public void PutBack(PublisherChannel channel) => _free.Add(channel);

    /// <summary>Ends it without waiting for anything: closing may hang where publishing did.</summary>
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
                    // Gone either way.
                }
            });
        }
    }

    // Confirms without the client's tracking of them.
    private async Task<PublisherChannel> OpenAsync() => new(await connection.CreateChannelAsync(
        new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: false)));
}

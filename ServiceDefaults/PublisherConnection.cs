using System.Collections.Concurrent;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Tracking.ServiceDefaults;

/// <summary>A connection of <see cref="ConfirmedPublisher"/> with the channels that are free on it.</summary>
internal sealed class PublisherConnection(IConnection connection)
{
    private readonly ConcurrentBag<PublisherChannel> _free = [];
    private int _abandoned;

    /// <summary>Whether anything may still be begun on it.</summary>
    public bool IsOpen => connection.IsOpen && Volatile.Read(ref _abandoned) == 0;

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

        // Confirms without the client's tracking of them.
        var channel = await connection.CreateChannelAsync(new CreateChannelOptions(
            publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: false));
        return new PublisherChannel(channel);
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
}

/// <summary>A channel that carries one publish at a time.</summary>
internal sealed class PublisherChannel
{
    private readonly IChannel _channel;
    private TaskCompletionSource<PublishOutcome> _outcome = New();
    private volatile bool _returned;

    public PublisherChannel(IChannel channel)
    {
        _channel = channel;
        channel.BasicReturnAsync += OnReturn;
        channel.BasicAcksAsync += OnAck;
        channel.BasicNacksAsync += OnNack;
        channel.ChannelShutdownAsync += OnShutdown;
    }

    public bool IsOpen => _channel.IsOpen;

    /// <summary>Ends with the broker's answer, or when the channel is closed.</summary>
    public async Task<PublishOutcome> PublishAsync(
        string exchange, string routingKey, BasicProperties properties, ReadOnlyMemory<byte> body)
    {
        _returned = false;
        var outcome = _outcome = New();
        if (_channel.CloseReason is { } closed)
        {
            throw new AlreadyClosedException(closed);
        }

        await _channel.BasicPublishAsync(exchange, routingKey, mandatory: true, properties, body);
        return await outcome.Task;
    }

    /// <summary>The broker has closed it: only what is left here is freed.</summary>
    public void Abandon() => _ = Task.Run(async () => await _channel.DisposeAsync());

    private static TaskCompletionSource<PublishOutcome> New() =>
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    // The return of a message always precedes its confirm (AMQP 0-9-1 with confirms: RabbitMQ's own order).
    private Task OnReturn(object sender, BasicReturnEventArgs message)
    {
        _returned = true;
        return Task.CompletedTask;
    }

    private Task OnAck(object sender, BasicAckEventArgs confirm)
    {
        _outcome.TrySetResult(_returned ? PublishOutcome.Unroutable : PublishOutcome.Confirmed);
        return Task.CompletedTask;
    }

    private Task OnNack(object sender, BasicNackEventArgs confirm)
    {
        _outcome.TrySetResult(_returned ? PublishOutcome.Unroutable : PublishOutcome.Refused);
        return Task.CompletedTask;
    }

    private Task OnShutdown(object sender, ShutdownEventArgs reason)
    {
        _outcome.TrySetException(new AlreadyClosedException(reason));
        return Task.CompletedTask;
    }
}

using System.Reflection;
using MassTransit;
using MassTransit.RabbitMqTransport;
using RabbitMQ.Client;

namespace Tracking.ServiceDefaults;

/// <summary>
/// Lets a delivery of the bus close its channel without waiting until it is closed. The bus does so when it meets a
/// closed channel as it acknowledges, and the client closes a channel only after all its deliveries have ended: this one
/// would wait for itself, nothing would be consumed any more, and no connection be made again.
/// </summary>
internal sealed class CloseWithoutWaiting : IFilter<ChannelContext>
{
    /// <inheritdoc/>
    public void Probe(ProbeContext context) => context.CreateFilterScope("close-without-waiting");

    /// <inheritdoc/>
    public Task Send(ChannelContext context, IPipe<ChannelContext> next) => next.Send(new Context(context));

    private sealed class Context(ChannelContext context)
        : ScopeChannelContext(context, context.CancellationToken), ChannelContext
    {
        IChannel ChannelContext.Channel { get; } = ChannelProxy.Of(context.Channel);
    }

    /// <summary>Everything is the channel's, but for how it is closed.</summary>
    // Public and open, because the runtime derives from it.
    public class ChannelProxy : DispatchProxy
    {
        private IChannel _channel = null!;

        /// <summary>A proxy of <paramref name="channel"/>.</summary>
        public static IChannel Of(IChannel channel)
        {
            var proxy = Create<IChannel, ChannelProxy>();
            ((ChannelProxy)(object)proxy)._channel = channel;
            return proxy;
        }

        /// <inheritdoc/>
        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            if (targetMethod!.Name != nameof(IChannel.CloseAsync))
            {
                return Call();
            }

            if (_channel.IsOpen)
            {
                Call();
            }

            return Task.CompletedTask;

            object? Call() => targetMethod.Invoke(_channel, BindingFlags.DoNotWrapExceptions, null, args, null);
        }
    }
}

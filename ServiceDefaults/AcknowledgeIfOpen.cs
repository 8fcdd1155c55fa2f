using MassTransit;
using MassTransit.RabbitMqTransport;

namespace Tracking.ServiceDefaults;

/// <summary>
/// Lets a delivery end well only while its channel is open. When the acknowledgement itself meets a closed channel, the
/// bus library aborts the channel from within the delivery; the abort waits for all deliveries to end, and they for it:
/// nothing is consumed any more. Ended by a failure of ours instead, the delivery comes again; only with
/// <see cref="ReturnOrBury"/>, since the bus's own end of a failure would write to the closed channel. A channel that is
/// closed between this look and the bus's own remains.
/// </summary>
internal sealed class AcknowledgeIfOpen : IFilter<ConsumeContext>
{
    /// <inheritdoc/>
    public void Probe(ProbeContext context) => context.CreateFilterScope("acknowledge-if-open");

    /// <inheritdoc/>
    public async Task Send(ConsumeContext context, IPipe<ConsumeContext> next)
    {
        await next.Send(context);

        // The connection knows first: its channels are told one after the other, and the bus looks at the channel alone.
        if (context.ReceiveContext.TryGetPayload<ChannelContext>(out var channel)
            && !(channel.ConnectionContext.Connection.IsOpen && channel.Channel.IsOpen))
        {
            throw new NotConfirmedException("The channel of the delivery is closed; the broker delivers it again.");
        }
    }
}

using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;
using Tracking.Contracts;
using Tracking.Database.Privacy;
using Tracking.Links;

namespace Tracking.RedirectEdge.Events;

/// <summary>Reads an event's data from a request and gives it to the spool.</summary>
internal sealed class RecordEvent(EventSpool spool, ApplyPrivacy privacy, ClientAddress clients, GatewayIds ids)
{
    private const int TraceSize = 16 + 8;

    /// <summary>Records the event.</summary>
    /// <returns>A task that ends when the answer may leave; see <see cref="EventSpool.Append"/>.</returns>
    [SkipLocalsInit]
    public Task Record(HttpContext context, in LinkToken token)
    {
        // What may not be kept is not even written to the spool.
        var policy = privacy.For(context, token);
        Span<byte> whole = stackalloc byte[ClientAddress.MaxSize];
        Span<byte> address = stackalloc byte[ClientAddress.MaxSize];
        address = address[..TruncateAddress.Run(whole[..clients.Write(context, whole)], policy, address)];

        Span<byte> agent = stackalloc byte[EventRecord.MaxUserAgentBytes];
        agent = policy.IsAnonymous
            ? default
            : agent[..WriteAgent(context.Request.Headers.UserAgent.ToString(), agent)];

        Span<byte> trace = stackalloc byte[TraceSize];
        var sampled = false;
        if (Activity.Current is { Recorded: true } activity)
        {
            activity.TraceId.CopyTo(trace[..16]);
            activity.SpanId.CopyTo(trace[16..]);
            sampled = true;
        }
        else
        {
            trace = default;
        }

        return spool.Append(new SpoolEvent
        {
            Token = token,
            Id = ids.Find(context),
            ClientAddress = address,
            UserAgent = agent,
            Trace = trace,
            TraceSampled = sampled,
            Shape = ReadShape.Of(context.Request, token.Kind),
        });
    }

    // The server decoded the header as UTF-8, so encoding restores the received bytes. A longer header is cut between
    // characters.
    private static int WriteAgent(string userAgent, Span<byte> destination)
    {
        Utf8.FromUtf16(userAgent, destination, out _, out var written);
        return written;
    }
}

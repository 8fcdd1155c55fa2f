using System.Diagnostics;
using System.Diagnostics.Metrics;
using Tracking.Api;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite;

/// <summary>The rewriter's metrics and spans; <c>docs/telemetry.md</c> lists their names.</summary>
public sealed class RewriteTelemetry : IDisposable
{
    /// <summary>The name of the activity source and of the meter.</summary>
    public const string Name = "Tracking.Rewrite";

    private readonly Meter _meter;
    private readonly Counter<long> _messages;
    private readonly Counter<long> _links;
    private readonly Counter<long> _dead;
    private readonly Counter<long> _returned;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _apart;
    private readonly Counter<long> _htmlLeftOut;

    /// <summary>Creates the instruments.</summary>
    public RewriteTelemetry(IMeterFactory meters)
    {
        _meter = meters.Create(Name);
        _messages = _meter.CreateCounter<long>(
            "tracking.messages.rewritten", "{message}", "Messages that went out, by outcome");
        _links = _meter.CreateCounter<long>("tracking.links.rewritten", "{link}", "Links wrapped");
        _dead = _meter.CreateCounter<long>(
            "tracking.messages.dead", "{message}", "Messages of the queue moved to its dead letters");
        _returned = _meter.CreateCounter<long>(
            "tracking.messages.returned",
            "{message}",
            "Messages put back at the end of their queue because the queue rewritten is full");
        _apart = _meter.CreateCounter<long>(
            "tracking.messages.apart",
            "{message}",
            "Messages that were delivered again and are worked on alone");
        _htmlLeftOut = _meter.CreateCounter<long>(
            "tracking.messages.unkept", "{message}", "Messages whose HTML was not kept for the click map");
        _refused = _meter.CreateCounter<long>(
            "tracking.messages.refused", "{message}", "Messages of refused requests, by type");
    }

    /// <summary>Counts a message that was moved to the dead letters.</summary>
    public void Dead() => _dead.Add(1);

    /// <summary>Counts a message that waits at the end of its queue.</summary>
    public void Returned() => _returned.Add(1);

    /// <summary>Counts a message that was delivered again and is worked on alone.</summary>
    public void SetApart() => _apart.Add(1);

    /// <summary>Counts a message whose HTML was to be kept and is not.</summary>
    public void HtmlLeftOut() => _htmlLeftOut.Add(1);

    /// <summary>Counts a message that was refused before it was read to its end.</summary>
    public void Refused(ProblemType type) =>
        _refused.Add(1, new KeyValuePair<string, object?>("type", type.Name));

    /// <summary>Spans of rewriting and registering.</summary>
    public static ActivitySource Source { get; } = new(Name);

    /// <summary>Counts a sent message.</summary>
    /// <param name="untouched">Why nothing is tracked; <see langword="null"/> when something is.</param>
    /// <param name="links">The number of wrapped links.</param>
    public void Rewritten(Untouched? untouched, int links)
    {
        var outcome = untouched is { } reason ? WireWords.Of(reason) : WireWords.Tracked;
        _messages.Add(1, new KeyValuePair<string, object?>("outcome", outcome));
        _links.Add(links);
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();
}

using System.Diagnostics.Metrics;

namespace Tracking.Rewrite.Doors;

/// <summary>The metrics of the doors for MTAs: SMTP and milter.</summary>
public sealed class DoorTelemetry : IDisposable
{
    /// <summary>The name of the meter.</summary>
    public const string Name = "Tracking.Doors";

    private readonly Meter _meter;
    private readonly Counter<long> _messages;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _connections;

    /// <summary>Creates the instruments.</summary>
    public DoorTelemetry(IMeterFactory meters)
    {
        _meter = meters.Create(Name);
        _messages = _meter.CreateCounter<long>(
            "tracking.door.messages", "{message}", "Messages of MTAs, by door and by the answer that the MTA got");
        _refused = _meter.CreateCounter<long>(
            "tracking.door.refused", "{event}", "What an MTA sent and a door refused, by door and reason");
        _connections = _meter.CreateCounter<long>(
            "tracking.door.connections", "{connection}", "Connections of MTAs, by door");
    }

    /// <summary>Counts a message.</summary>
    /// <param name="door"><c>smtp</c> or <c>milter</c>.</param>
    /// <param name="answer">The answer: <c>accepted</c>, <c>later</c> or <c>refused</c>.</param>
    public void Answered(string door, string answer) => _messages.Add(
        1, new KeyValuePair<string, object?>("door", door), new KeyValuePair<string, object?>("answer", answer));

    /// <summary>Counts a refusal of our own.</summary>
    /// <param name="door"><c>smtp</c> or <c>milter</c>.</param>
    /// <param name="reason">One of a closed list.</param>
    public void Refused(string door, string reason) => _refused.Add(
        1, new KeyValuePair<string, object?>("door", door), new KeyValuePair<string, object?>("reason", reason));

    /// <summary>Counts a connection.</summary>
    /// <param name="door"><c>smtp</c> or <c>milter</c>.</param>
    public void Connected(string door) => _connections.Add(1, new KeyValuePair<string, object?>("door", door));

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();
}

using System.Text.Json.Nodes;

namespace Tracking.Cli;

/// <summary>
/// Polls the API for new events. Events of several edges, or of an edge that was away, are stored later than their
/// time. So each reading begins a little before the last one, and events that were shown are dropped by their ids.
/// </summary>
/// <param name="api">The API.</param>
/// <param name="path">The path with filters. It ends in <c>?</c> or in a parameter.</param>
/// <param name="terminal">Receives error messages.</param>
/// <param name="time">Time.</param>
internal sealed class WatchEvents(TrackingApi api, string path, Terminal terminal, TimeProvider time)
{
    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _longestPause = TimeSpan.FromSeconds(10);

    // An event normally becomes a row in less than a second.
    private static readonly TimeSpan _overlap = TimeSpan.FromSeconds(30);

    // After an outage edges send the events that they spooled.
    private static readonly TimeSpan _overlapAfterOutage = TimeSpan.FromMinutes(5);

    private readonly Dictionary<string, DateTimeOffset> _seen = new(StringComparer.Ordinal);

    /// <summary>Follows until cancelled, or until the server refuses.</summary>
    /// <param name="shown">The events shown already, newest first.</param>
    /// <param name="serverTime">When the server gave them.</param>
    /// <param name="show">Shows an event.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<int> RunAsync(
        JsonArray shown, DateTimeOffset? serverTime, Action<JsonObject> show, CancellationToken cancellationToken)
    {
        var newest = serverTime ?? time.GetUtcNow();
        foreach (var tracked in shown)
        {
            _seen[(string)tracked!["id"]!] = TimeOf(tracked);
        }

        // Events older than the newest shown one are not new. Ids are in the order of time.
        var start = shown.Count == 0 ? null : (string)shown[0]!["id"]!;
        var first = true;
        var overlap = _overlapAfterOutage;
        var pause = _interval;
        var away = false;
        while (true)
        {
            var (answer, events) = await ReadAsync(newest - overlap, cancellationToken);
            if (answer.IsDone)
            {
                foreach (var tracked in events)
                {
                    var id = (string)tracked["id"]!;
                    if (_seen.TryAdd(id, TimeOf(tracked)) && !(first && string.CompareOrdinal(id, start) < 0))
                    {
                        show(tracked);
                    }
                }

                newest = Later(newest, answer.Date);
                Forget(newest - _overlapAfterOutage - _overlapAfterOutage);
                if (away)
                {
                    terminal.Complain($"{api.Server} is back.");
                }

                (first, away, overlap, pause) = (false, false, _overlap, _interval);
            }
            else if (answer.ExitCode == ExitCode.Unavailable)
            {
                if (!away)
                {
                    terminal.Complain($"{answer.Complaint} Waiting for it.");
                }

                pause = pause * 2 < _longestPause ? pause * 2 : _longestPause;
                (away, overlap) = (true, _overlapAfterOutage);
            }
            else
            {
                return answer.ReportLine(terminal);
            }

            await Task.Delay(pause, time, cancellationToken);
        }
    }

    private async Task<(ApiAnswer Answer, List<JsonObject> Events)> ReadAsync(
        DateTimeOffset from, CancellationToken cancellationToken)
    {
        var events = new List<JsonObject>();
        string? after = null;
        while (true)
        {
            var answer = await api.GetAsync(
                $"{path}&order=asc&limit=500&from={from.UtcDateTime:yyyy-MM-ddTHH:mm:ss.ffffffZ}{Query.After(after)}",
                cancellationToken);
            var items = answer.Json["items"] as JsonArray ?? [];
            events.AddRange(items.Select(item => item!.AsObject()));
            after = (string?)answer.Json["next"];
            // A partial page may be short, and more pages follow it.
            var isPartial = answer.Json["partial"]?.GetValue<bool>() is true;
            if (!answer.IsDone || (items.Count < 500 && !isPartial) || after is null)
            {
                return (answer, events);
            }
        }
    }

    private void Forget(DateTimeOffset before)
    {
        foreach (var (id, at) in _seen)
        {
            if (at < before)
            {
                _seen.Remove(id);
            }
        }
    }

    private static DateTimeOffset TimeOf(JsonNode tracked) => tracked["time"]!.GetValue<DateTimeOffset>();

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset? other) =>
        other is { } time && time > one ? time : one;
}

using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Database.Entities;
using Tracking.Database.Hosts;
using Tracking.RedirectEdge.Events;

namespace Tracking.RedirectEdge.Hosts;

/// <summary>
/// Active tracking domains on disk, so that an edge that starts while the database and the shared cache are unavailable
/// still serves the names that it has served. Each name is appended when it is read or changes, so a killed process
/// loses none, and a stopped name stays stopped. The file is rewritten as a whole, with the most recently used names
/// last, when it has reached its limit and when the edge stops. Payload of a record: <see cref="TrackingHostBytes"/>; a
/// stopped name has no domains.
/// </summary>
internal sealed partial class HostCopy : IDisposable
{
    // A name with 20 excluded destinations takes about 1 KiB. A longer record is not kept, so its name must be looked
    // up after a start.
    private const int MaxPayload = 1 << 16;
    private const int MinPayload = 4;

    private readonly TrackingHosts _hosts;
    private readonly ILogger<HostCopy> _logger;
    private readonly RecordLog _log;

    public HostCopy(
        TrackingHosts hosts, EdgeFolder folder, IOptions<RedirectEdgeOptions> options, ILogger<HostCopy> logger)
    {
        (_hosts, _logger) = (hosts, logger);
        _log = new RecordLog(folder, "hosts.copy", options.Value.MaxHostCopyBytes, MinPayload, MaxPayload);
    }

    /// <summary>Reads the copy of an earlier run, and keeps it current from then on.</summary>
    public void Restore()
    {
        try
        {
            var known = new OrderedDictionary<string, TrackingHost>();
            _log.Read(payload =>
            {
                if (!TrackingHostBytes.TryDecode(payload.ToArray(), 0, out var name, out var host))
                {
                    return;
                }

                // In the file's order: names further behind were used later.
                known.Remove(name);
                if (host is not null)
                {
                    known.Add(name, host);
                }
            });
            _hosts.Changed = Append;
            _hosts.Restore(known.Values);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogCopyFailed(exception.Message);
        }
    }

    /// <summary>Rewrites the copy with the recently used names.</summary>
    public void Compact()
    {
        try
        {
            _log.Rewrite(
                [.. _hosts.ToList().Where(IsKept).OrderBy(host => host.IsUsed)],
                static host => Encode(host).Length,
                Encode);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogCopyFailed(exception.Message);
        }
    }

    /// <summary>Rewrites the copy when it has reached its limit.</summary>
    public void CompactWhenFull()
    {
        if (_log.IsFull)
        {
            Compact();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _log.Dispose();

    private static bool IsKept(TrackingHost host) =>
        host.Status == DomainStatus.Active && Encode(host).Length <= MaxPayload;

    private static byte[] Encode(TrackingHost host) => TrackingHostBytes.Encode(host.Hostname, host);

    private void Append(string name, TrackingHost? before, TrackingHost? now)
    {
        if (before?.Status != DomainStatus.Active && now?.Status != DomainStatus.Active)
        {
            return;
        }

        var payload = TrackingHostBytes.Encode(name, now is not null && IsKept(now) ? now : null);
        try
        {
            _log.Append(payload);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogCopyFailed(exception.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The copy of tracking domains on disk failed: {Reason}")]
    private partial void LogCopyFailed(string reason);
}

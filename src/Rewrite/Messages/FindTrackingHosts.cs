using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Hosts;
using Tracking.Links;

namespace Tracking.Rewrite.Messages;

/// <summary>
/// Finds the tracking domains among the hosts of a message's links. A link to a tracking domain stays plain, whichever
/// cluster has the domain. Only active domains count, because everybody may add a name, but only its owner can have it
/// verified. An answer is remembered until the bus tells of a change of the name, and for
/// <see cref="SystemOptions.DirectoryRefresh"/> at most.
/// </summary>
public sealed partial class FindTrackingHosts(
    NpgsqlDataSource dataSource,
    IOptions<SystemOptions> system,
    IOptions<TrackingHostsOptions> options,
    TimeProvider time,
    ILogger<FindTrackingHosts> logger)
{
    // About 2 MB. Beyond this number all names are forgotten and asked for again.
    private const int MostRemembered = 10_000;

    private const string Select =
        """
        SELECT hostname FROM domains.tracking_domains WHERE hostname = ANY ($1) AND status = 1 AND deleted_at IS NULL
        """;

    private readonly ConcurrentDictionary<string, KnownName> _remembered = new(StringComparer.OrdinalIgnoreCase);
    private long _changes;

    /// <summary>Finds the tracking domains among the hosts of a plan's tracked links.</summary>
    /// <param name="plan">The plan.</param>
    /// <returns>The tracking domains; <see langword="null"/> when a host is not in memory and the database does not
    /// answer.</returns>
    public async ValueTask<HostSet?> AmongAsync(RewritePlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        List<string>? found = null;
        List<string>? unknown = null;
        Sort(plan, ref found, ref unknown);
        if (unknown is not null)
        {
            if (await AskAsync(unknown) is not { } answered)
            {
                return null;
            }

            found = [.. found ?? [], .. answered];
        }

        return found is null or [] ? HostSet.Empty : HostSet.Of(found);
    }

    /// <summary>Forgets a name that has changed.</summary>
    public void Heed(HostChange change)
    {
        ArgumentNullException.ThrowIfNull(change);
        Interlocked.Increment(ref _changes);
        _remembered.TryRemove(change.Hostname, out _);
    }

    // Neighbouring links mostly lead to the same host, which is read once.
    private void Sort(RewritePlan plan, ref List<string>? found, ref List<string>? unknown)
    {
        var byName = _remembered.GetAlternateLookup<ReadOnlySpan<char>>();
        Span<char> buffer = stackalloc char[HostName.MaxLength + 1];
        ReadOnlySpan<byte> last = default;
        for (var i = 0; i < plan.Links.Count; i++)
        {
            var link = plan.Links[i];
            var url = link.Destination.Span;
            if (!link.IsTracked || IsOnHostOf(url, last)
                || DestinationPolicy.Read(url, null, out var destination) != DestinationOutcome.Accepted)
            {
                continue;
            }

            last = url[..destination.PathStart];
            if (destination.Host.Length > buffer.Length
                || !Encoding.ASCII.TryGetChars(destination.Host, buffer, out var length))
            {
                continue;
            }

            var name = buffer[..length].TrimEnd('.');
            if (byName.TryGetValue(name, out var answer)
                && time.GetElapsedTime(answer.At) < system.Value.DirectoryRefresh)
            {
                if (answer.IsTrackingHost)
                {
                    (found ??= []).Add(name.ToString());
                }
            }
            // A tracking domain has three labels at least.
            else if (name.Count('.') >= 2 && HostName.TryParse(name.ToString(), out var host)
                && unknown?.Contains(host.Value) != true)
            {
                (unknown ??= []).Add(host.Value);
            }
        }
    }

    private static bool IsOnHostOf(ReadOnlySpan<byte> url, ReadOnlySpan<byte> origin) =>
        !origin.IsEmpty && url.StartsWith(origin)
        && (url.Length == origin.Length || "/?#"u8.Contains(url[origin.Length]));

    private async Task<List<string>?> AskAsync(List<string> names)
    {
        // Their age begins before they are read: a slow answer is not believed for longer.
        var now = time.GetTimestamp();
        var changes = Interlocked.Read(ref _changes);
        using var timeout = new CancellationTokenSource(options.Value.LookupTimeout, time);
        var found = new List<string>();
        try
        {
            await using var command = dataSource.CreateCommand(Select);
            command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. names] });
            await using var reader = await command.ExecuteReaderAsync(timeout.Token);
            while (await reader.ReadAsync(timeout.Token))
            {
                found.Add(reader.GetString(0));
            }
        }
        catch (Exception exception) when (StoreAway.IsOrUnfit(exception) || exception is OperationCanceledException)
        {
            LogUnavailable(exception.Message);
            return null;
        }

        if (_remembered.Count + names.Count > MostRemembered)
        {
            _remembered.Clear();
        }

        // A name that changed meanwhile may have been read as it was before.
        if (Interlocked.Read(ref _changes) == changes)
        {
            foreach (var name in names)
            {
                _remembered[name] = new KnownName(found.Contains(name), now);
            }
        }

        return found;
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The database could not say which hosts of a message's links are tracking domains: {Reason}")]
    private partial void LogUnavailable(string reason);

    private readonly record struct KnownName(bool IsTrackingHost, long At);
}

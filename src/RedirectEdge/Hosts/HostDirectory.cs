using System.Collections.Frozen;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Database.Hosts;
using Tracking.Database.Privacy;
using Tracking.Links;
using Tracking.RedirectEdge.Events;

namespace Tracking.RedirectEdge.Hosts;

/// <summary>Whether a host serves the links of a cluster.</summary>
internal enum HostOutcome
{
    /// <summary>The host serves the links.</summary>
    Served,

    /// <summary>The host belongs to no cluster.</summary>
    UnknownHost,

    /// <summary>The host belongs to another cluster, or the cluster is deleted.</summary>
    ForeignHost,

    /// <summary>The host would serve the links, but the cluster did not exist when the clusters were read: the database
    /// must be asked.</summary>
    UnknownCluster,

    /// <summary>The name is not in memory: <see cref="HostDirectory.FindAsync"/> looks it up.</summary>
    UnknownName,

    /// <summary>Neither the database nor a copy has been read yet.</summary>
    NotLoaded,
}

/// <summary>
/// Knows which host serves which cluster, and the keys that verify tokens. The system host serves every active cluster,
/// and an active tracking domain serves its own cluster. No other host is served. The data is in memory and comes from
/// the database. Until the database answers, it comes from another edge's recent reading (<see cref="SharedHosts"/>) or
/// from a copy in the edge's folder, so that an edge that starts while the database is unavailable can serve. Keys are
/// copied as they are in the database, sealed under the master key.
/// </summary>
internal sealed partial class HostDirectory(
    ClusterDirectory clusters,
    SigningKeyRing keys,
    TrackingHosts tracking,
    EdgeFolder folder,
    IOptions<SystemOptions> options,
    ILogger<HostDirectory> logger,
    SharedHosts? shared = null)
{
    private const string FileName = "directory.copy";

    private readonly string _systemHost = SystemHost(options.Value);

    private volatile FrozenDictionary<ClusterId, ClusterPolicy>? _restored;
    private byte[] _written = [];

    /// <summary>The keys that verify tokens; <see langword="null"/> while neither the database nor the copy has been
    /// read.</summary>
    public SigningKeys? Keys => keys.Current;

    /// <summary>Whether links can be served.</summary>
    public bool IsLoaded =>
        Keys is not null && (clusters.IsLoaded || _restored is not null || shared?.Current is not null);

    /// <summary>Checks whether the host of a request serves a cluster's links.</summary>
    /// <param name="host">The <c>Host</c> header as received.</param>
    /// <param name="cluster">The cluster of a token that has been verified.</param>
    public HostOutcome Check(ReadOnlySpan<char> host, ClusterId cluster)
    {
        var name = Fold(host);
        if (!name.Equals(_systemHost, StringComparison.OrdinalIgnoreCase))
        {
            if (!tracking.TryGet(name, out var domain))
            {
                return HostOutcome.UnknownName;
            }

            if (domain?.Serves(cluster) != true)
            {
                return domain?.Status == DomainStatus.Active ? HostOutcome.ForeignHost : HostOutcome.UnknownHost;
            }
        }

        return Check(cluster);
    }

    /// <summary>Does the same as <see cref="Check(ReadOnlySpan{char}, ClusterId)"/>, for a name that is not in
    /// memory.</summary>
    /// <returns><see cref="HostOutcome.NotLoaded"/> when the database does not answer in time.</returns>
    public async ValueTask<HostOutcome> FindAsync(string host, ClusterId cluster)
    {
        var found = await tracking.FindAsync(Fold(host).ToString(), isAnybodys: true);
        return found switch
        {
            { Outcome: HostLookup.Unavailable } => HostOutcome.NotLoaded,
            { Host: null or { Status: not DomainStatus.Active } } => HostOutcome.UnknownHost,
            { Host: var domain } => domain.Serves(cluster) ? Check(cluster) : HostOutcome.ForeignHost,
        };
    }

    private HostOutcome Check(ClusterId cluster)
    {
        if (clusters.IsRemoved(cluster))
        {
            return HostOutcome.ForeignHost;
        }

        if (clusters.IsLoaded)
        {
            return clusters.TryGet(cluster, out _) ? HostOutcome.Served : HostOutcome.UnknownCluster;
        }

        // A cluster that is unknown to another edge and to the copy is either newer than both, or deleted. A cluster of
        // the copy that another edge has missed since is deleted, and never returns.
        var isInCopy = _restored?.ContainsKey(cluster);
        if (shared?.Current is { } current)
        {
            return current.Contains(cluster) ? HostOutcome.Served
                : isInCopy == true ? HostOutcome.ForeignHost
                : HostOutcome.UnknownCluster;
        }

        return isInCopy switch
        {
            null => HostOutcome.NotLoaded,
            true => shared?.IsGone(cluster) == true ? HostOutcome.ForeignHost : HostOutcome.Served,
            false => HostOutcome.UnknownCluster,
        };
    }

    /// <summary>What may be kept of an event of a cluster; nothing personal where that is not known.</summary>
    public ClusterPolicy PolicyOf(ClusterId cluster) => clusters.TryGet(cluster, out var known) ? known.Policy
        : !clusters.IsLoaded && _restored is { } restored && restored.TryGetValue(cluster, out var copied) ? copied
        : ClusterPolicy.Strictest;

    /// <summary>Reads the copy of an earlier run.</summary>
    public void Restore()
    {
        try
        {
            if (folder.ReadChecked(FileName) is not { } bytes)
            {
                return;
            }

            var (living, rows) = DirectoryCopy.Decode(bytes);
            keys.Restore(rows);
            _restored = living.ToFrozenDictionary();
            _written = bytes;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException
            or InvalidDataException or CryptographicException)
        {
            LogNotRestored(exception.Message);
        }
    }

    /// <summary>Writes the copy when it differs from the last one.</summary>
    public void Copy()
    {
        var living = clusters.IsLoaded ? clusters.All.Select(cluster => (cluster.Id, cluster.Policy))
            : _restored?.Where(entry => !clusters.IsRemoved(entry.Key)).Select(entry => (entry.Key, entry.Value));
        if (living is null || keys.Rows.Count == 0)
        {
            return;
        }

        var bytes = DirectoryCopy.Encode(living, keys.Rows);
        if (bytes.AsSpan().SequenceEqual(_written))
        {
            return;
        }

        try
        {
            folder.WriteChecked(FileName, bytes);
            _written = bytes;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogNotCopied(exception.Message);
        }
    }

    /// <summary>The name in a <c>Host</c> header: without port (RFC 9110 §7.2) and trailing dot.</summary>
    internal static ReadOnlySpan<char> Fold(ReadOnlySpan<char> host)
    {
        var end = host.StartsWith("[") ? host.IndexOf(']') + 1 : host.IndexOf(':');
        if (end > 0)
        {
            host = host[..end];
        }

        return host.EndsWith(".") ? host[..^1] : host;
    }

    // The form that links have: a person may configure U-labels or a final dot, and a browser sends neither.
    internal static string SystemHost(SystemOptions system) => HostName.TryParse(system.SystemHost, out var host)
        ? host.Value
        : throw new InvalidOperationException($"\"{system.SystemHost}\" has passed the check of the options.");

    [LoggerMessage(Level = LogLevel.Warning, Message = "The copy of hosts and keys could not be read: {Reason}")]
    private partial void LogNotRestored(string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The copy of hosts and keys could not be written: {Reason}")]
    private partial void LogNotCopied(string reason);
}

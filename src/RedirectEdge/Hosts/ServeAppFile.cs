using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Database.Hosts;

namespace Tracking.RedirectEdge.Hosts;

/// <summary>
/// Serves the files by which telephones know the app of a site, as an admin stored them for a tracking domain. Without
/// one the answer is 404: a redirect or a page would be remembered by telephones as a wrong association.
/// </summary>
internal sealed partial class ServeAppFile(
    TrackingHosts tracking,
    NpgsqlDataSource dataSource,
    IOptions<RedirectEdgeOptions> options,
    IOptions<SystemOptions> system,
    TimeProvider time,
    EdgeMeters meters,
    ILogger<ServeAppFile> logger) : IDisposable
{
    private const string Select =
        """
        SELECT f.content
        FROM domains.app_files f JOIN domains.tracking_domains d ON d.id = f.domain_id
        WHERE d.hostname = $1 AND d.cluster_id = $2 AND d.deleted_at IS NULL AND f.kind = $3
        """;

    private readonly ConcurrentDictionary<(string Host, AppFileKind Kind), Kept> _kept = new();
    private readonly SemaphoreSlim _reading = new(1);
    private long _changes;

    /// <summary>The file that a path means, with or without a slash at its end.</summary>
    public static AppFileKind? KindOf(ReadOnlySpan<char> path) => (path.EndsWith("/") ? path[..^1] : path) switch
    {
        "/.well-known/apple-app-site-association" or "/apple-app-site-association" => AppFileKind.Apple,
        "/.well-known/assetlinks.json" => AppFileKind.Android,
        _ => null,
    };

    /// <summary>Answers with the file of the request's host.</summary>
    public async Task ServeAsync(HttpContext context, AppFileKind kind)
    {
        var name = HostDirectory.Fold(context.Request.Headers.Host.ToString()).ToString();
        var found = await tracking.FindAsync(name, isAnybodys: true);
        if (found is { Host: { Status: DomainStatus.Active } host })
        {
            var (isKnown, content) = await FindAsync(host, kind);
            if (content is not null)
            {
                EdgeAnswer.WriteAppFile(context, content);
                return;
            }

            EdgeAnswer.Refuse(
                context, meters, isKnown ? EdgeOutcome.NoSuchPage : EdgeOutcome.Unavailable, isPicture: false);
            return;
        }

        EdgeAnswer.Refuse(
            context,
            meters,
            found.Outcome == HostLookup.Unavailable ? EdgeOutcome.Unavailable : EdgeOutcome.NoSuchPage,
            isPicture: false);
    }

    /// <summary>Forgets the files of a tracking domain that changed.</summary>
    public void Forget(HostChange change)
    {
        Interlocked.Increment(ref _changes);
        _kept.TryRemove((change.Hostname, AppFileKind.Apple), out _);
        _kept.TryRemove((change.Hostname, AppFileKind.Android), out _);
    }

    /// <inheritdoc/>
    public void Dispose() => _reading.Dispose();

    // One question to the database at a time: telephones ask rarely, and an attacker must not take its connections.
    private async Task<(bool IsKnown, byte[]? Content)> FindAsync(TrackingHost host, AppFileKind kind)
    {
        var key = (host.Hostname, kind);
        if (TryGetFresh(key, out var kept))
        {
            return (true, kept.Content);
        }

        using var timeout = new CancellationTokenSource(options.Value.LookupTimeout, time);
        try
        {
            await _reading.WaitAsync(timeout.Token);
            try
            {
                if (TryGetFresh(key, out kept))
                {
                    return (true, kept.Content);
                }

                // Its age begins before it is read, and a file that changed meanwhile may have been read as it was
                // before.
                var (at, changes) = (time.GetTimestamp(), Interlocked.Read(ref _changes));
                var content = await ReadAsync(host, kind, timeout.Token).WaitAsync(timeout.Token);
                if (Interlocked.Read(ref _changes) != changes)
                {
                    return (true, content);
                }

                if (_kept.Count >= options.Value.MaxAppFiles)
                {
                    _kept.Clear();
                }

                _kept[key] = new Kept(content, at);
                return (true, content);
            }
            finally
            {
                _reading.Release();
            }
        }
        catch (Exception exception) when (StoreAway.IsOrUnfit(exception)
            || exception is OperationCanceledException or ObjectDisposedException)
        {
            LogUnavailable(exception.Message);
            // As it was, while it cannot be read again.
            return _kept.TryGetValue(key, out kept!) ? (true, kept.Content) : (false, null);
        }
    }

    private bool TryGetFresh((string Host, AppFileKind Kind) key, out Kept kept) =>
        _kept.TryGetValue(key, out kept!) && time.GetElapsedTime(kept.At) < system.Value.DirectoryRefresh;

    private async Task<byte[]?> ReadAsync(TrackingHost host, AppFileKind kind, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(Select);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = host.Hostname });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = host.Cluster.Value });
        command.Parameters.Add(new NpgsqlParameter<short> { TypedValue = (short)kind });
        return (byte[]?)await command.ExecuteScalarAsync(cancellationToken);
    }

    private sealed record Kept(byte[]? Content, long At);

    [LoggerMessage(Level = LogLevel.Warning, Message = "An app-association file could not be looked up: {Reason}")]
    private partial void LogUnavailable(string reason);
}

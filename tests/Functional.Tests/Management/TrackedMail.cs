using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.EventIngest.Statistics;
using Tracking.Links;

namespace Tracking.Functional.Tests.Management;

/// <summary>Writes rows as the rewriter and the ingest do.</summary>
internal sealed class TrackedMail(ManagementHost host, string cluster)
{
    public ClusterId Cluster { get; } =
        ClusterId.TryParse(cluster, out var id) ? id : throw new ArgumentException(cluster);

    public async Task<MessageKey> MessageAsync(
        string messageId,
        string? recipient,
        DateTimeOffset registered,
        string[]? tags = null,
        LinkPlace[]? places = null)
    {
        var hash = MessageKey.HashId(messageId);
        var key = MessageKey.FromIdHash(hash, 0);
        places ??= [];
        await host.ExecuteAsync(
            """
            INSERT INTO rewrite.messages (cluster_id, message_key, id_hash, content_hash, message_id, sender, recipient,
                recipient_domain, tags, host, registered_at, link_count, opens_tracked, link_map)
            VALUES ($1, $2, $3, $3, $4, 'news@shop.example', $5, $6, $7, 'track.localhost', $8, $9, true, $10)
            """,
            Cluster.Value, key.ToBytes(), hash, messageId, recipient, recipient?.Split('@')[1], tags ?? [], registered,
            places.Length, LinkMap.Write(places));
        return key;
    }

    public async Task<LinkId> DestinationAsync(string url)
    {
        var hash = SHA256.HashData(Encoding.ASCII.GetBytes(url));
        var link = LinkId.FromUrlHash(hash, 0);
        await host.ExecuteAsync(
            "INSERT INTO links.destinations (cluster_id, link_id, url_hash, url) VALUES ($1, $2, $3, $4)",
            Cluster.Value, link.ToInt64(), hash, url);
        return link;
    }

    /// <summary>Counts these rows by a rebuild of the counters.</summary>
    public Task CountAsync() => CountAsync(host.DataSource, Cluster);

    /// <summary>Counts events of a cluster that a test wrote by itself.</summary>
    public static Task CountAsync(NpgsqlDataSource dataSource, ClusterId cluster) =>
        new RebuildCounters(dataSource, new FindAttributes(dataSource), NullLogger<RebuildCounters>.Instance)
            .RunAsync(cluster, CancellationToken.None);

    public async Task<Guid> EventAsync(
        LinkKind kind,
        DateTimeOffset at,
        MessageKey message,
        LinkId link = default,
        short ordinal = 0,
        Verdict verdict = Verdict.Unknown,
        string? userAgent = "Mozilla/5.0 Firefox/140.0",
        string? vendor = null)
    {
        var id = Guid.CreateVersion7(at);
        await host.ExecuteAsync(
            """
            INSERT INTO ingest.events (id, occurred_at, kind, method, cluster_id, message_key, link_id, ordinal,
                client_address, user_agent, verdict, vendor, reasons)
            VALUES ($1, $2, $3, 0, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            """,
            id, at, (short)kind, Cluster.Value, message.ToBytes(), link.ToInt64(), ordinal,
            IPAddress.Parse("192.0.2.0"), userAgent, (short)verdict, vendor, new[] { "by hand" });
        return id;
    }
}

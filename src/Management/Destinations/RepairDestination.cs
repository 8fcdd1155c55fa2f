using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;
using Tracking.Api;
using Tracking.Bus;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.Audit;
using Tracking.Management.Messages;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Destinations;

/// <summary>The request to repair a destination.</summary>
/// <param name="Link">The link's id, 16 hexadecimal digits, as events and statistics show it.</param>
/// <param name="Url">The new destination: http or https.</param>
/// <param name="Message">The message in which the link is repaired: its id, or the message id that its sender gave.
/// Either this or tag.</param>
/// <param name="Tag">The tag of the messages in which the link is repaired, including messages that are sent
/// later.</param>
internal sealed record RepairDestinationRequest(string Link, string Url, string? Message, string? Tag);

/// <summary>A repair request, read and validated.</summary>
/// <param name="Link">The destination in the mail.</param>
/// <param name="Url">The new destination, printable ASCII.</param>
/// <param name="Message">The message; null if there is a <paramref name="Tag"/>.</param>
/// <param name="Tag">The tag; null if there is a message.</param>
internal sealed record RepairDocument(LinkId Link, string Url, string? Message, string? Tag);

/// <summary>
/// <c>POST /api/v1/clusters/{cluster}/repairs</c>: changes the destination of a link in sent mail, within one message
/// or one tag. Other messages with the same destination do not change. Edges apply it within two seconds. Later events
/// count for the new link, so both are counted separately.
/// </summary>
internal static class RepairDestination
{
    /// <summary>The largest number of repairs in force in a cluster: each edge holds all of them.</summary>
    public const int MaxRepairs = 1000;

    private const int MaxTag = 64;

    private const string Lock = "SELECT pg_advisory_xact_lock(hashtext('tracking.repairs'), $1)";

    // For each link and message or tag, one repair is in force. A new repair ends the earlier one.
    private const string EndOld =
        """
        UPDATE links.repairs SET undone_at = $5
        WHERE cluster_id = $1 AND link_id = $2 AND message_key IS NOT DISTINCT FROM $3 AND tag IS NOT DISTINCT FROM $4
            AND undone_at IS NULL
        """;

    private const string Insert =
        """
        INSERT INTO links.repairs (cluster_id, id, link_id, new_link_id, message_key, tag, created_at)
        SELECT $1, $6, $2, $7, $3, $4, $5
        WHERE (SELECT count(*) FROM links.repairs WHERE cluster_id = $1 AND undone_at IS NULL) < $8
        """;

    private const string InsertDestination =
        """
        INSERT INTO links.destinations (cluster_id, link_id, url_hash, salt, url) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT DO NOTHING
        """;

    private const string SelectHash =
        "SELECT url_hash FROM links.destinations WHERE cluster_id = $1 AND link_id = $2";

    private const string IsTrackingHost =
        "SELECT EXISTS (SELECT FROM domains.tracking_domains WHERE hostname = $1 AND deleted_at IS NULL)";

    public static void Map(IEndpointRouteBuilder repairs) => repairs.MapPost("/", PostAsync)
        .RequireClusterAccess()
        .Describe("RepairDestination", "Changes the destination of a link in sent mail, within one message or one tag.")
        .DescribeBody<RepairDestinationRequest>(required: ["link", "url"])
        .DescribeProblems(400, 409, 413, 415);

    /// <summary>Reads the request.</summary>
    public static RepairDocument? Read(JsonObject json, InputErrors errors)
    {
        ReadJson.RefuseUnknown(json, "", ["link", "url", "message", "tag"], errors);
        var link = default(LinkId);
        if (json["link"] is not JsonValue node || !node.TryGetValue<string>(out var text)
            || !LinkId.TryParse(text, out link))
        {
            errors.Add("link", $"{ReadJson.Got(json["link"])}, takes a link's id, 16 hexadecimal digits, as events and "
                + "statistics show it.");
        }

        var url = ReadUrl(json, errors);
        var message = json["message"] is null ? null : ReadJson.Name(json, "message", 1000, errors);
        var tag = json["tag"] is null ? null : ReadJson.Name(json, "tag", MaxTag, errors);
        if (json["message"] is null == json["tag"] is null)
        {
            errors.Add("message", "and tag: takes exactly one of them.");
        }

        return errors.Any ? null : new RepairDocument(link, url!, message, tag);
    }

    /// <summary>Makes the repair.</summary>
    public static async Task<Results<Created<RepairResponse>, Problem>> RunAsync(
        ClusterId cluster,
        RepairDocument document,
        ApiKeyHolder holder,
        ApiDataSource dataSource,
        SystemOptions system,
        DirectoryChanges changes,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        MessageKey? message = null;
        if (document.Message is { } asked)
        {
            message = await FindMessage.KeyAsync(dataSource, cluster, asked, cancellationToken);
            if (message is null)
            {
                return FindMessage.NoSuchMessage(asked);
            }
        }

        await using var connection = await dataSource.Connections.OpenConnectionAsync(cancellationToken);
        if (await LeadsToTrackingAsync(connection, document.Url, system, cancellationToken))
        {
            return Problems.Invalid("url", ShownUrl.Mask(document.Url), "a destination, not a tracked link: it would "
                + "cause an endless loop");
        }

        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using (var wait = Command(connection, Lock, new NpgsqlParameter { Value = cluster.Value }))
        {
            await wait.ExecuteNonQueryAsync(cancellationToken);
        }

        if (await HashAsync(connection, cluster, document.Link, cancellationToken) is not { } old)
        {
            return Problems.NotFound("link", document.Link.ToString(), "Events and statistics show the links of a "
                + "message.");
        }

        var (newLink, hash) = await StoreDestinationAsync(connection, cluster, document.Url, cancellationToken);
        if (hash.AsSpan().SequenceEqual(old))
        {
            return Problems.Invalid("url", ShownUrl.Mask(document.Url), "another destination than the link has");
        }

        var now = time.GetUtcNow();
        var id = Guid.CreateVersion7(now);
        NpgsqlParameter[] parameters =
        [
            new() { Value = cluster.Value },
            new() { Value = document.Link.ToInt64() },
            new() { Value = (object?)message?.ToBytes() ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Bytea },
            new() { Value = (object?)document.Tag ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text },
            new() { Value = now.UtcDateTime },
        ];
        await using (var end = Command(connection, EndOld, parameters))
        {
            await end.ExecuteNonQueryAsync(cancellationToken);
        }

        await using (var insert = Command(
            connection,
            Insert,
            [
                .. parameters.Select(parameter => parameter.Clone()),
                new() { Value = id },
                new() { Value = newLink.ToInt64() },
                new() { Value = MaxRepairs },
            ]))
        {
            if (await insert.ExecuteNonQueryAsync(cancellationToken) == 0)
            {
                return Problems.Conflict($"There are {MaxRepairs} repairs, the most that may act; undo those of mail "
                    + "that nobody reads any more.");
            }
        }

        var made = (await ListRepairs.FindAsync(connection, cluster, id, cancellationToken))!;
        await RecordChange.AddAsync(
            transaction, holder, new("repair-destination", made.Link, cluster, After: made), time, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        changes.AnnounceRules(cluster);
        return TypedResults.Created($"/api/v1/clusters/{cluster}/repairs/{id}", made);
    }

    private static async Task<Results<Created<RepairResponse>, Problem>> PostAsync(
        ClusterId cluster,
        HttpRequest request,
        ApiKeyHolder holder,
        ApiDataSource dataSource,
        IOptions<SystemOptions> system,
        DirectoryChanges changes,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (json, problem) = await ReadJsonBody.ReadAsync(request, cancellationToken);
        if (json is null)
        {
            return problem!;
        }

        var errors = new InputErrors();
        return Read(json, errors) is { } document
            ? await RunAsync(
                cluster, document, holder, dataSource, system.Value, changes, time, cancellationToken)
            : errors.ToProblem();
    }

    private static string? ReadUrl(JsonObject json, InputErrors errors)
    {
        if (json["url"] is JsonValue value && value.TryGetValue<string>(out var text)
            && DestinationPolicy.Read(Encoding.UTF8.GetBytes(text.Trim()), null, out var destination)
                == DestinationOutcome.Accepted)
        {
            return Encoding.ASCII.GetString(destination.Url);
        }

        errors.Add("url", $"{ReadJson.Got(json["url"])}, takes an address that begins with http:// or https://, of at "
            + $"most {DestinationPolicy.MaxLength} octets.");
        return null;
    }

    private static async Task<bool> LeadsToTrackingAsync(
        NpgsqlConnection connection, string url, SystemOptions system, CancellationToken cancellationToken)
    {
        if (DestinationPolicy.Read(Encoding.ASCII.GetBytes(url), null, out var destination)
                != DestinationOutcome.Accepted
            || !HostName.TryParse(Encoding.ASCII.GetString(destination.Host), out var host))
        {
            return false;
        }

        if (HostName.TryParse(system.SystemHost, out var own) && own == host)
        {
            return true;
        }

        await using var command = Command(connection, IsTrackingHost, new NpgsqlParameter { Value = host.Value });
        return (bool)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    // As in the rewriter: if another URL has the same bits, the next salt is tried.
    private static async Task<(LinkId Link, byte[] Hash)> StoreDestinationAsync(
        NpgsqlConnection connection, ClusterId cluster, string url, CancellationToken cancellationToken)
    {
        var hash = SHA256.HashData(Encoding.ASCII.GetBytes(url));
        for (byte salt = 0; ; salt = checked((byte)(salt + 1)))
        {
            var link = LinkId.FromUrlHash(hash, salt);
            await using (var insert = Command(
                connection,
                InsertDestination,
                new() { Value = cluster.Value },
                new() { Value = link.ToInt64() },
                new() { Value = hash },
                new() { Value = (short)salt },
                new() { Value = url }))
            {
                await insert.ExecuteNonQueryAsync(cancellationToken);
            }

            var stored = await HashAsync(connection, cluster, link, cancellationToken);
            if (hash.AsSpan().SequenceEqual(stored))
            {
                return (link, hash);
            }
        }
    }

    private static async Task<byte[]?> HashAsync(
        NpgsqlConnection connection, ClusterId cluster, LinkId link, CancellationToken cancellationToken)
    {
        await using var command = Command(
            connection, SelectHash, new() { Value = cluster.Value }, new() { Value = link.ToInt64() });
        return (byte[]?)await command.ExecuteScalarAsync(cancellationToken);
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, params NpgsqlParameter[] parameters)
    {
        var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddRange(parameters);
        return command;
    }
}

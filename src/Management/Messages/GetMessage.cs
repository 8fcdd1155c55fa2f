using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Npgsql;
using Tracking.Api;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.Events;
using Tracking.Management.OpenApi;

namespace Tracking.Management.Messages;

/// <summary><c>GET /api/v1/clusters/{cluster}/messages/{id}</c>.</summary>
internal static class GetMessage
{
    public static void Map(IEndpointRouteBuilder messages) => messages.MapGet("/{id}", HandleAsync)
        .RequireClusterAccess()
        .Describe("GetMessage", "A message with its links, clicks and opens.");

    private static async Task<Results<Ok<MessageDetails>, Problem>> HandleAsync(
        ClusterId cluster, string id, ApiDataSource dataSource, CancellationToken cancellationToken) =>
        await ReadAsync(dataSource, cluster, id, cancellationToken) is { } message
            ? TypedResults.Ok(message)
            : FindMessage.NoSuchMessage(id);

    /// <summary>The message; <see langword="null"/> if the cluster has no such message.</summary>
    public static async Task<MessageDetails?> ReadAsync(
        ApiDataSource dataSource, ClusterId cluster, string id, CancellationToken cancellationToken)
    {
        if (await FindMessage.KeyAsync(dataSource, cluster, id, cancellationToken) is not { } key)
        {
            return null;
        }

        await using var batch = dataSource.CreateBatch();
        batch.BatchCommands.Add(new NpgsqlBatchCommand(
            $"""
            SELECT {MessageResponse.Columns}, m.link_map, m.system_links, m.left_plain::text
            FROM rewrite.messages m
            WHERE m.cluster_id = $1 AND m.message_key = $2
            """));
        batch.BatchCommands.Add(new NpgsqlBatchCommand(
            """
            SELECT kind, ordinal, verdict, count(*), uncounted IS NOT DISTINCT FROM 2
            FROM ingest.events
            WHERE cluster_id = $1 AND message_key = $2
            GROUP BY kind, ordinal, verdict, uncounted IS NOT DISTINCT FROM 2
            """));
        foreach (var command in batch.BatchCommands)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = cluster.Value });
            command.Parameters.Add(new NpgsqlParameter { Value = key.ToBytes() });
        }

        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
        {
            return null;
        }

        var message = MessageResponse.Read(reader);
        var places = LinkMap.Read(reader.GetFieldValue<byte[]>(12));
        var systemLinks = reader.IsDBNull(13) ? [] : reader.GetFieldValue<short[]>(13);
        var leftPlain = reader.IsDBNull(14)
            ? []
            : JsonSerializer.Deserialize<Dictionary<string, int>>(reader.GetString(14))!;
        await reader.NextResultAsync(cancellationToken);
        var counts = new List<CountedEvents>();
        while (await reader.ReadAsync(cancellationToken))
        {
            counts.Add(new CountedEvents(
                (LinkKind)reader.GetInt16(0),
                reader.GetInt16(1),
                EventWords.IsHuman((Verdict)reader.GetInt16(2)),
                reader.GetInt64(3),
                reader.GetBoolean(4)));
        }

        return Details(message, places, systemLinks, leftPlain, counts);
    }

    private static MessageDetails Details(
        MessageResponse message,
        IReadOnlyList<LinkPlace> places,
        short[] systemLinks,
        Dictionary<string, int> leftPlain,
        List<CountedEvents> counts)
    {
        long Sum(LinkKind kind, bool peopleOnly = false) => counts
            .Where(row => row.Kind == kind && !row.OfSystemLink && (row.Human || !peopleOnly))
            .Sum(row => row.Count);

        return new MessageDetails(message)
        {
            Places = [.. places.Select((place, ordinal) => new MessageLink(
                ordinal, place.Part, place.Position, place.Name,
                counts.Where(row => row.Kind == LinkKind.Click && row.Ordinal == ordinal).Sum(row => row.Count),
                systemLinks.Contains((short)ordinal)))],
            LeftPlain = leftPlain,
            Clicks = Sum(LinkKind.Click),
            Opens = Sum(LinkKind.Open),
            HumanClicks = Sum(LinkKind.Click, peopleOnly: true),
            HumanOpens = Sum(LinkKind.Open, peopleOnly: true),
        };
    }

    private sealed record CountedEvents(LinkKind Kind, int Ordinal, bool Human, long Count, bool OfSystemLink);
}

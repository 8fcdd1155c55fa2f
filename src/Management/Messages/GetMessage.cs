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
            SELECT {MessageResponse.Columns}, m.link_map
            FROM rewrite.messages m
            WHERE m.cluster_id = $1 AND m.message_key = $2
            """));
        batch.BatchCommands.Add(new NpgsqlBatchCommand(
            """
            SELECT kind, ordinal, verdict, count(*)
            FROM ingest.events
            WHERE cluster_id = $1 AND message_key = $2
            GROUP BY kind, ordinal, verdict
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
        var places = LinkMap.Read(reader.GetFieldValue<byte[]>(11));
        await reader.NextResultAsync(cancellationToken);
        var counts = new List<(LinkKind Kind, int Ordinal, bool Human, long Count)>();
        while (await reader.ReadAsync(cancellationToken))
        {
            counts.Add((
                (LinkKind)reader.GetInt16(0),
                reader.GetInt16(1),
                EventWords.IsHuman((Verdict)reader.GetInt16(2)),
                reader.GetInt64(3)));
        }

        return Details(message, places, counts);
    }

    private static MessageDetails Details(
        MessageResponse message,
        IReadOnlyList<LinkPlace> places,
        List<(LinkKind Kind, int Ordinal, bool Human, long Count)> counts)
    {
        long Sum(LinkKind kind, Func<(LinkKind Kind, int Ordinal, bool Human, long Count), bool>? only = null) =>
            counts.Where(row => row.Kind == kind && only?.Invoke(row) != false).Sum(row => row.Count);

        return new MessageDetails(message)
        {
            Places = [.. places.Select((place, ordinal) => new MessageLink(
                ordinal, place.Part, place.Position, place.Name,
                Sum(LinkKind.Click, row => row.Ordinal == ordinal)))],
            Clicks = Sum(LinkKind.Click),
            Opens = Sum(LinkKind.Open),
            HumanClicks = Sum(LinkKind.Click, row => row.Human),
            HumanOpens = Sum(LinkKind.Open, row => row.Human),
        };
    }
}

using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Npgsql;
using Tracking.Api;
using Tracking.Database;
using Tracking.Management.Audit;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Lists;

/// <summary>The state of a list.</summary>
internal enum ListState : short
{
    /// <summary>The list is compared with the list in force, and changes no verdict.</summary>
    Shadow = 0,

    /// <summary>The list is in force.</summary>
    InForce = 1,

    /// <summary>Another list is in force.</summary>
    Replaced = 2,

    /// <summary>The list cannot be read.</summary>
    Refused = 3,
}

/// <summary>A version of a list by which events are classified.</summary>
/// <param name="Name">crawlers or networks.</param>
/// <param name="Version">The version, as its sender names it.</param>
/// <param name="State">shadow, inForce, replaced, or refused.</param>
/// <param name="AddedAt">When it was sent.</param>
/// <param name="ComparedAt">When ingest had compared it with the list in force; null before.</param>
/// <param name="Difference">What it would change among the events of the last days, or why it was refused.</param>
internal sealed record ListResponse(
    string Name,
    string Version,
    ListState State,
    DateTimeOffset AddedAt,
    DateTimeOffset? ComparedAt,
    JsonElement? Difference);

/// <summary><c>/api/v1/lists</c>: a version is sent, ingest compares it without applying it, and then it is put in
/// force.</summary>
internal static class UpdateLists
{
    private const long MostBytes = 64L << 20;
    private const int MostVersion = 64;

    private static readonly string[] _names = ["crawlers", "networks"];

    public static void Map(IEndpointRouteBuilder lists)
    {
        lists.MapGet("/", ListAsync)
            .RequireAdmin()
            .Describe("ListLists", "Lists the lists by which events are classified, the latest first.");
        lists.MapPut("/{name}/{version}", AddAsync)
            .RequireAdmin()
            .Describe("AddList", "Takes a list as the request's body (crawlers: JSON of crawler-user-agents; networks: MMDB "
                + "with autonomous systems). It is compared with the list in force and changes nothing yet.")
            .DescribeProblems(400, 409, 413);
        lists.MapPut("/{name}/{version}/in-force", PutInForceAsync)
            .RequireAdmin()
            .Describe("PutListInForce", "Puts a compared list in force. Ingest applies it within seconds.")
            .DescribeProblems(409);
    }

    private static async Task<Ok<Page<ListResponse>>> ListAsync(
        ApiDataSource dataSource, CancellationToken cancellationToken) =>
        TypedResults.Ok(new Page<ListResponse>(await ReadAsync(dataSource, cancellationToken), null));

    private static async Task<Results<Ok<ListResponse>, Problem>> AddAsync(
        string name,
        string version,
        HttpRequest request,
        ApiKeyHolder holder,
        ApiDataSource dataSource,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (!_names.Contains(name))
        {
            return Problems.Invalid("name", name, $"takes {string.Join(" or ", _names)}.");
        }

        if (version.Length > MostVersion || version.Any(char.IsControl))
        {
            return Problems.Invalid("version", version, $"takes up to {MostVersion} characters.");
        }

        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = MostBytes;
        }

        using var body = new MemoryStream();
        try
        {
            await request.Body.CopyToAsync(body, cancellationToken);
        }
        catch (BadHttpRequestException exception) when (exception.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            return Problems.TooLarge("list", MostBytes);
        }

        var added = await ChangeAsync(
            dataSource, holder, "add-list", $"{name} {version}", time, cancellationToken,
            new NpgsqlBatchCommand(
                "INSERT INTO ingest.lists (name, version, content) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            {
                Parameters = { new() { Value = name }, new() { Value = version }, new() { Value = body.ToArray() } },
            });
        return added
            ? TypedResults.Ok(await ReadAsync(dataSource, name, version, cancellationToken))
            : Problems.Conflict($"There is a version {version} of {name} already; a version never changes.");
    }

    private static async Task<Results<Ok<ListResponse>, Problem>> PutInForceAsync(
        string name,
        string version,
        ApiKeyHolder holder,
        ApiDataSource dataSource,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        // The list in force is replaced first, so two lists are never in force together.
        var done = await ChangeAsync(
            dataSource, holder, "put-list-in-force", $"{name} {version}", time, cancellationToken,
            Of("""
                UPDATE ingest.lists SET state = 2 WHERE name = $1 AND state = 1 AND version <> $2 AND EXISTS (
                    SELECT FROM ingest.lists n WHERE n.name = $1 AND n.version = $2 AND n.compared_at IS NOT NULL
                        AND n.state <> 3)
                """),
            Of("""
                UPDATE ingest.lists SET state = 1
                WHERE name = $1 AND version = $2 AND compared_at IS NOT NULL AND state <> 3
                """));
        return done
            ? TypedResults.Ok(await ReadAsync(dataSource, name, version, cancellationToken))
            : Problems.Conflict($"No version {version} of {name} has been compared and accepted.");

        NpgsqlBatchCommand Of(string sql) => new(sql)
        {
            Parameters = { new() { Value = name }, new() { Value = version } },
        };
    }

    // Also writes an entry of the audit log, in the same transaction. If the last statement changed nothing, nothing is
    // committed.
    private static async Task<bool> ChangeAsync(
        ApiDataSource dataSource,
        ApiKeyHolder holder,
        string action,
        string subject,
        TimeProvider time,
        CancellationToken cancellationToken,
        params NpgsqlBatchCommand[] commands)
    {
        await using var connection = await dataSource.Connections.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var batch = new NpgsqlBatch(connection, transaction);
        foreach (var command in commands)
        {
            batch.BatchCommands.Add(command);
        }

        await batch.ExecuteNonQueryAsync(cancellationToken);
        if (commands[^1].RecordsAffected == 0)
        {
            return false;
        }

        await RecordChange.AddAsync(transaction, holder, new(action, subject), time, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return true;
    }

    private static async Task<ListResponse> ReadAsync(
        ApiDataSource dataSource, string name, string version, CancellationToken cancellationToken) =>
        (await ReadAsync(dataSource, cancellationToken)).First(list => list.Name == name && list.Version == version);

    private static async Task<List<ListResponse>> ReadAsync(
        ApiDataSource dataSource, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            """
            SELECT name, version, state, added_at, compared_at, difference::text FROM ingest.lists
            ORDER BY added_at DESC, name, version
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var lists = new List<ListResponse>();
        while (await reader.ReadAsync(cancellationToken))
        {
            lists.Add(new ListResponse(
                reader.GetString(0),
                reader.GetString(1),
                (ListState)reader.GetInt16(2),
                reader.GetFieldValue<DateTimeOffset>(3),
                reader.IsDBNull(4) ? null : reader.GetFieldValue<DateTimeOffset>(4),
                reader.IsDBNull(5) ? null : JsonElement.Parse(reader.GetString(5))));
        }

        return lists;
    }
}

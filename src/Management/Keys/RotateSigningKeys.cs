using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Tracking.Api;
using Tracking.Bus;
using Tracking.Database;
using Tracking.Management.Audit;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Keys;

/// <summary>A version of the signing key. In the database the key is always sealed.</summary>
/// <param name="Version">The version, from 1.</param>
/// <param name="CreatedAt">When it was created. From then on it verifies links, without an end.</param>
/// <param name="SignsFrom">The time from which it signs new links: after every process has read it.</param>
/// <param name="Signs">Whether it signs now.</param>
internal sealed record SigningKeyResponse(
    int Version, DateTimeOffset CreatedAt, DateTimeOffset SignsFrom, bool Signs);

/// <summary><c>POST</c> and <c>GET /api/v1/signing-keys</c>.</summary>
internal static class RotateSigningKeys
{
    public static void Map(IEndpointRouteBuilder keys)
    {
        keys.MapPost("/", RotateAsync)
            .RequireAdmin()
            .Describe("RotateSigningKeys", "Adds a signing key. It verifies at once and signs five minutes later; "
                + "links signed with older keys stay valid.");
        keys.MapGet("/", ListAsync)
            .RequireAdmin()
            .Describe("ListSigningKeys", "Lists the versions of the signing key, newest first.");
    }

    private static async Task<Results<Created<SigningKeyResponse>, Problem>> RotateAsync(
        SigningKeyRing ring,
        ApiKeyHolder holder,
        DirectoryChanges changes,
        ApiDataSource dataSource,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        int version;
        try
        {
            (version, _) = await ring.RotateAsync(
                (transaction, added) => RecordChange.AddAsync(
                    transaction,
                    holder,
                    new("rotate-signing-keys", string.Create(CultureInfo.InvariantCulture, $"{added}")),
                    time,
                    cancellationToken),
                cancellationToken);
        }
        catch (SigningKeysLostException lost)
        {
            return Problems.Conflict(lost.Message);
        }

        changes.Announce(cluster: null);
        var all = await ReadAsync(dataSource, cancellationToken);
        return TypedResults.Created("/api/v1/signing-keys", all.First(key => key.Version == version));
    }

    private static async Task<Ok<Page<SigningKeyResponse>>> ListAsync(
        ApiDataSource dataSource, CancellationToken cancellationToken) =>
        TypedResults.Ok(new Page<SigningKeyResponse>(await ReadAsync(dataSource, cancellationToken), null));

    // The database's clock decides, as in every process.
    private static async Task<List<SigningKeyResponse>> ReadAsync(
        ApiDataSource dataSource, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            """
            SELECT version, created_at, signs_from,
                version IS NOT DISTINCT FROM max(version) FILTER (WHERE signs_from <= now()) OVER ()
            FROM links.signing_keys ORDER BY version DESC
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var all = new List<SigningKeyResponse>();
        while (await reader.ReadAsync(cancellationToken))
        {
            all.Add(new SigningKeyResponse(
                reader.GetInt32(0),
                reader.GetFieldValue<DateTimeOffset>(1),
                reader.GetFieldValue<DateTimeOffset>(2),
                reader.GetBoolean(3)));
        }

        return all;
    }
}

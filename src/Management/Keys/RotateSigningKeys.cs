using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Tracking.Database;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;
using Tracking.ServiceDefaults;

namespace Tracking.Management.Keys;

/// <summary>A version of the signing key; the key itself never leaves the database unsealed.</summary>
/// <param name="Version">1 and up.</param>
/// <param name="CreatedAt">When it was made; it verifies from then on, for good.</param>
/// <param name="SignsFrom">From when it signs new links: after every process has read it.</param>
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
            .Describe("RotateSigningKeys", "Adds a signing key: it verifies at once and signs five minutes later; "
                + "links signed with older ones stay good.");
        keys.MapGet("/", ListAsync)
            .RequireAdmin()
            .Describe("ListSigningKeys", "Lists the versions of the signing key, newest first.");
    }

    private static async Task<Created<SigningKeyResponse>> RotateAsync(
        SigningKeyRing ring,
        DirectoryChanges changes,
        TrackingDb db,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (version, _) = await ring.RotateAsync(cancellationToken);
        changes.Announce(cluster: null);
        var all = await ReadAsync(db, time, cancellationToken);
        return TypedResults.Created("/api/v1/signing-keys", all.First(key => key.Version == version));
    }

    private static async Task<Ok<Page<SigningKeyResponse>>> ListAsync(
        TrackingDb db, TimeProvider time, CancellationToken cancellationToken) =>
        TypedResults.Ok(new Page<SigningKeyResponse>(await ReadAsync(db, time, cancellationToken), null));

    private static async Task<List<SigningKeyResponse>> ReadAsync(
        TrackingDb db, TimeProvider time, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var stored = await db.SigningKeys.AsNoTracking().OrderByDescending(key => key.Version)
            .Select(key => new { key.Version, key.CreatedAt, key.SignsFrom }).ToListAsync(cancellationToken);
        var signing = stored.FirstOrDefault(key => key.SignsFrom <= now)?.Version;
        return [.. stored.Select(key =>
            new SigningKeyResponse(key.Version, key.CreatedAt, key.SignsFrom, key.Version == signing))];
    }
}

using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Tracking.Api;
using Tracking.Bus;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.Audit;
using Tracking.Management.Requests;

namespace Tracking.Management.Auth;

/// <summary>The common part of the routes for cluster keys and for admin keys. The owner is a cluster, or
/// <see langword="null"/> for the admins.</summary>
internal static class KeepApiKeys
{
    /// <summary>The largest number of valid keys of one owner: one for each sending program, and room to replace
    /// them.</summary>
    public const int MaxKeys = 100;

    private const int MaxNameLength = 100;

    public static async Task<Results<Created<NewApiKeyResponse>, Problem>> CreateAsync(
        HttpRequest request,
        ApiKeyHolder holder,
        ClusterId? owner,
        TrackingDb db,
        ApiKeyAuthentication keys,
        DirectoryChanges changes,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (json, problem) = await ReadJsonBody.ReadAsync(request, cancellationToken);
        if (json is null)
        {
            return problem!;
        }

        var (created, refusal) = await CreateAsync(json, holder, owner, db, keys, changes, time, cancellationToken);
        return created is null ? refusal! : TypedResults.Created($"{request.Path}/{created.Id}", created);
    }

    /// <summary>Makes a key from a document.</summary>
    public static async Task<(NewApiKeyResponse? Created, Problem? Refusal)> CreateAsync(
        JsonObject json,
        ApiKeyHolder holder,
        ClusterId? owner,
        TrackingDb db,
        ApiKeyAuthentication keys,
        DirectoryChanges changes,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var errors = new InputErrors();
        ReadJson.RefuseUnknown(json, "", ["name"], errors);
        var name = ReadJson.Name(json, "name", MaxNameLength, errors);
        if (errors.Any || name is null)
        {
            return (null, errors.ToProblem());
        }

        if (await Working(db, owner).CountAsync(cancellationToken) >= MaxKeys)
        {
            return (null, Problems.Conflict(
                $"There are {MaxKeys} keys that work, the most there may be; revoke one that is not used."));
        }

        var secret = ApiKeySecret.Create();
        _ = ApiKeySecret.TryHash(secret, out var hash);
        var key = new ApiKey
        {
            Id = Guid.CreateVersion7(time.GetUtcNow()),
            ClusterId = owner,
            Name = name,
            SecretHash = hash!,
            CreatedAt = time.GetUtcNow(),
        };
        await using (var transaction = await db.Database.BeginTransactionAsync(cancellationToken))
        {
            db.ApiKeys.Add(key);
            await db.SaveChangesAsync(cancellationToken);
            await RecordChange.AddAsync(
                db, holder, new("create-api-key", $"{key.Id}", owner, After: new { name }), time, cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }

        keys.Made(hash);
        changes.Announce(owner);
        return (new NewApiKeyResponse(key.Id, key.Name, key.CreatedAt, secret), null);
    }

    public static async Task<Ok<Page<ApiKeyResponse>>> ListAsync(
        ClusterId? owner, TrackingDb db, CancellationToken cancellationToken)
    {
        var keys = await Working(db, owner).OrderBy(key => key.Id).AsNoTracking().ToListAsync(cancellationToken);
        return TypedResults.Ok(new Page<ApiKeyResponse>([.. keys.Select(ApiKeyResponse.Of)], null));
    }

    public static async Task<Results<Ok<ApiKeyResponse>, Problem>> GetAsync(
        string id, ClusterId? owner, TrackingDb db, CancellationToken cancellationToken)
    {
        var key = Guid.TryParse(id, out var guid)
            ? await Working(db, owner).AsNoTracking().SingleOrDefaultAsync(key => key.Id == guid, cancellationToken)
            : null;
        return key is null ? NoSuchKey(id) : TypedResults.Ok(ApiKeyResponse.Of(key));
    }

    public static async Task<Results<NoContent, Problem>> RevokeAsync(
        string id,
        ApiKeyHolder holder,
        ClusterId? owner,
        TrackingDb db,
        DirectoryChanges changes,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (!Guid.TryParse(id, out var guid))
        {
            return NoSuchKey(id);
        }

        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        if (owner is null)
        {
            // The keys are locked, so that two admins who revoke each other's key at once do not lock everybody out.
            var admins = await db.ApiKeys.FromSql(
                $"SELECT * FROM management.api_keys WHERE cluster_id IS NULL AND revoked_at IS NULL FOR UPDATE")
                .AsNoTracking().ToListAsync(cancellationToken);
            if (admins is [{ } last] && last.Id == guid)
            {
                return Problems.Conflict(
                    $"id: '{guid}' is the last admin key. Create another admin key before you revoke it.");
            }
        }

        var now = time.GetUtcNow();
        var revoked = await Working(db, owner).Where(key => key.Id == guid)
            .ExecuteUpdateAsync(key => key.SetProperty(k => k.RevokedAt, now), cancellationToken);
        if (revoked == 0)
        {
            return NoSuchKey(id);
        }

        var name = await db.ApiKeys.Where(key => key.Id == guid).Select(key => key.Name)
            .SingleAsync(cancellationToken);
        await RecordChange.AddAsync(
            db, holder, new("revoke-api-key", $"{guid}", owner, new { name }), time, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        changes.Announce(owner);
        return TypedResults.NoContent();
    }

    private static IQueryable<ApiKey> Working(TrackingDb db, ClusterId? owner) =>
        db.ApiKeys.Where(key => key.ClusterId == owner && key.RevokedAt == null);

    private static Problem NoSuchKey(string id) =>
        Problems.NotFound("key that works", id, "GET the list for the ids.");
}

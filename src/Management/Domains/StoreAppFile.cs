using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Tracking.Api;
using Tracking.Bus;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.Audit;
using Tracking.Management.OpenApi;

namespace Tracking.Management.Domains;

/// <summary>
/// <c>PUT</c>, <c>GET</c> and <c>DELETE
/// /api/v1/clusters/{cluster}/tracking-domains/{hostname}/app-files/{file}</c>: what the edge answers at the path by
/// which telephones know the app of a site. The content is the admin's own; it must be JSON.
/// </summary>
internal static class StoreAppFile
{
    // Apple's limit for an association file, uncompressed.
    private const int MaxBytes = 128_000;

    private const string Json = "application/json";

    private static readonly (string Name, AppFileKind Kind)[] _files =
    [
        ("apple-app-site-association", AppFileKind.Apple),
        ("assetlinks.json", AppFileKind.Android),
    ];

    public static void Map(IEndpointRouteBuilder domains)
    {
        const string Route = FindDomain.Route + "/app-files/{file}";
        domains.MapPut(Route, PutAsync)
            .RequireClusterAccess()
            .Describe("StoreAppFile", "Stores apple-app-site-association or assetlinks.json of a tracking domain: JSON, "
                + "at most 128 kB, served as it is.")
            .DescribeProblems(400, 413);
        domains.MapGet(Route, GetAsync)
            .RequireClusterAccess()
            .Produces<object>(200, Json)
            .Describe("GetAppFile", "An app-association file of a tracking domain, as it was stored.");
        domains.MapDelete(Route, DeleteAsync)
            .RequireClusterAccess()
            .Describe("DeleteAppFile", "Deletes an app-association file of a tracking domain.");
    }

    private static async Task<Results<NoContent, Problem>> PutAsync(
        ClusterId cluster,
        string hostname,
        string file,
        HttpRequest request,
        ApiKeyHolder holder,
        TrackingDb db,
        DirectoryChanges changes,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (KindOf(file) is not { } kind)
        {
            return NoSuchFile(file);
        }

        if (await ReadAsync(request, cancellationToken) is not { } content)
        {
            return Problems.TooLarge("file", MaxBytes);
        }

        if (!IsJson(content))
        {
            return Problems.Invalid("body", null, "JSON: telephones ignore the whole file otherwise");
        }

        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        if (await FindDomain.LockAsync(db, cluster, hostname, cancellationToken) is not { } domain)
        {
            return FindDomain.NoSuchDomain(hostname);
        }

        await db.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO domains.app_files (domain_id, kind, content, changed_at)
            VALUES ({domain.Id}, {(short)kind}, {content}, {time.GetUtcNow()})
            ON CONFLICT (domain_id, kind) DO UPDATE SET content = excluded.content, changed_at = excluded.changed_at
            """,
            cancellationToken);
        await RecordChange.AddAsync(
            db,
            holder,
            new("store-app-file", domain.Hostname, cluster, After: new { File = file, Bytes = content.Length }),
            time,
            cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        changes.Announce(cluster, hostname: domain.Hostname);
        return TypedResults.NoContent();
    }

    private static async Task<Results<FileContentHttpResult, Problem>> GetAsync(
        ClusterId cluster, string hostname, string file, TrackingDb db, CancellationToken cancellationToken)
    {
        if (await FindDomain.ReadAsync(db, cluster, hostname, cancellationToken) is not { } domain)
        {
            return FindDomain.NoSuchDomain(hostname);
        }

        return KindOf(file) is { } kind
            && await db.AppFiles.AsNoTracking().SingleOrDefaultAsync(
                stored => stored.DomainId == domain.Id && stored.Kind == kind, cancellationToken) is { } found
                ? TypedResults.File(found.Content, Json)
                : NoSuchFile(file);
    }

    private static async Task<Results<NoContent, Problem>> DeleteAsync(
        ClusterId cluster,
        string hostname,
        string file,
        ApiKeyHolder holder,
        TrackingDb db,
        DirectoryChanges changes,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        if (await FindDomain.LockAsync(db, cluster, hostname, cancellationToken) is not { } domain)
        {
            return FindDomain.NoSuchDomain(hostname);
        }

        if (KindOf(file) is not { } kind
            || await db.AppFiles.Where(stored => stored.DomainId == domain.Id && stored.Kind == kind)
                .ExecuteDeleteAsync(cancellationToken) == 0)
        {
            return NoSuchFile(file);
        }

        await RecordChange.AddAsync(
            db,
            holder,
            new("delete-app-file", domain.Hostname, cluster, Before: new { File = file }),
            time,
            cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        changes.Announce(cluster, hostname: domain.Hostname);
        return TypedResults.NoContent();
    }

    private static AppFileKind? KindOf(string file)
    {
        foreach (var (name, kind) in _files)
        {
            if (name == file)
            {
                return kind;
            }
        }

        return null;
    }

    private static Problem NoSuchFile(string file) => Problems.NotFound(
        "app file", file, $"Takes {string.Join(" or ", _files.Select(known => known.Name))}.");

    // Null: it is too long.
    private static async Task<byte[]?> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var buffer = new byte[MaxBytes + 1];
        var length = await request.Body.ReadAtLeastAsync(
            buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        return length > MaxBytes ? null : buffer[..length];
    }

    private static bool IsJson(byte[] content)
    {
        try
        {
            using var document = JsonDocument.Parse(content);
            return document.RootElement.ValueKind is JsonValueKind.Object or JsonValueKind.Array;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}

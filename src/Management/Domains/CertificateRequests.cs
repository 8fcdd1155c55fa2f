using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Management.Domains;

/// <summary>The kinds of requests to the certificate service, which reads the stored numbers.</summary>
internal enum CertificateRequestKind : short
{
    /// <summary>Opens the accounts at the authorities now.</summary>
    Register,

    /// <summary>Replaces the key of an account.</summary>
    ChangeKey,

    /// <summary>Tests whether a name would get a certificate.</summary>
    Test,

    /// <summary>Revokes a certificate.</summary>
    Revoke,
}

/// <summary>A request to the certificate service, with its state and steps.</summary>
/// <param name="Id">The id.</param>
/// <param name="Kind">register, changeKey, test or revoke.</param>
/// <param name="Status">waiting, succeeded or failed.</param>
/// <param name="AskedAt">When the request was made.</param>
/// <param name="DoneAt">When the request was finished; null before.</param>
/// <param name="Steps">What was done and found, in its order: at, step, succeeded, authority, text, and type and advice
/// of a problem.</param>
internal sealed record CertificateRequestResponse(
    Guid Id, CertificateRequestKind Kind, string Status, DateTimeOffset AskedAt, DateTimeOffset? DoneAt,
    JsonNode Steps);

/// <summary>A new request.</summary>
internal sealed record NewCertificateRequest(CertificateRequestKind Kind)
{
    public string? Hostname { get; init; }

    public ClusterId? Cluster { get; init; }

    public string? Directory { get; init; }

    public Guid? Certificate { get; init; }

    public short? Reason { get; init; }

    public bool IsReplacedFirst { get; init; }
}

/// <summary>Stores requests for the certificate service in the database, because only that service speaks to
/// authorities, and it has no API of its own.</summary>
internal static class CertificateRequests
{
    /// <summary>Stores a request, in the context's transaction if there is one.</summary>
    public static async Task<CertificateRequestResponse> AddAsync(
        TrackingDb db, NewCertificateRequest request, TimeProvider time, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var id = Guid.CreateVersion7(now);
        await db.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO certificates.requests (id, kind, hostname, cluster_id, directory, certificate_id, reason,
                is_replaced_first, asked_at, due_at)
            VALUES ({id}, {(short)request.Kind}, {request.Hostname}, {request.Cluster?.Value}, {request.Directory},
                {request.Certificate}, {request.Reason}, {request.IsReplacedFirst}, {now}, {now})
            """,
            cancellationToken);
        return new CertificateRequestResponse(id, request.Kind, "waiting", now, null, new JsonArray());
    }

    /// <summary>Finds the last request of this kind for a name, or for the accounts.</summary>
    /// <returns>The time of the request, and whether it is finished; <see langword="null"/> without a
    /// request.</returns>
    public static async Task<(DateTimeOffset AskedAt, bool IsDone)?> LastAsync(
        TrackingDb db, CertificateRequestKind kind, ClusterId? cluster, string? hostname,
        CancellationToken cancellationToken)
    {
        var rows = await db.Database.SqlQuery<RequestRow>(
            $"""
            SELECT id "Id", kind "Kind", asked_at "AskedAt", done_at "DoneAt", succeeded "Succeeded", '[]' "Steps"
            FROM certificates.requests
            WHERE kind = {(short)kind} AND hostname IS NOT DISTINCT FROM {hostname}
                AND cluster_id IS NOT DISTINCT FROM {cluster?.Value}
            ORDER BY asked_at DESC LIMIT 1
            """).ToListAsync(cancellationToken);
        return rows is [var row] ? (row.AskedAt, row.DoneAt is not null) : null;
    }

    /// <summary>A request of a name, or of the accounts.</summary>
    /// <returns><see langword="null"/> if it does not exist.</returns>
    public static async Task<CertificateRequestResponse?> ReadAsync(
        TrackingDb db, Guid id, ClusterId? cluster, string? hostname, CancellationToken cancellationToken)
    {
        var rows = await db.Database.SqlQuery<RequestRow>(
            $"""
            SELECT id "Id", kind "Kind", asked_at "AskedAt", done_at "DoneAt", succeeded "Succeeded",
                steps::text "Steps"
            FROM certificates.requests
            WHERE id = {id} AND hostname IS NOT DISTINCT FROM {hostname}
                AND cluster_id IS NOT DISTINCT FROM {cluster?.Value}
            """).ToListAsync(cancellationToken);
        return rows is not [var row] ? null : new CertificateRequestResponse(
            row.Id, (CertificateRequestKind)row.Kind,
            row.Succeeded is not { } succeeded ? "waiting" : succeeded ? "succeeded" : "failed",
            row.AskedAt, row.DoneAt, JsonNode.Parse(row.Steps)!);
    }

    private sealed class RequestRow
    {
        public required Guid Id { get; init; }

        public required short Kind { get; init; }

        public required DateTimeOffset AskedAt { get; init; }

        public DateTimeOffset? DoneAt { get; init; }

        public bool? Succeeded { get; init; }

        public required string Steps { get; init; }
    }
}

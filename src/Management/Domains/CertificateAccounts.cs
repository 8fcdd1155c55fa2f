using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Tracking.Api;
using Tracking.Database;
using Tracking.Management.Audit;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Domains;

/// <summary>An account at a certificate authority.</summary>
/// <param name="Directory">The authority's ACME directory.</param>
/// <param name="Url">The account's URL, which CAA records may name; null before the authority has answered.</param>
/// <param name="Thumbprint">The thumbprint of the account's key (RFC 7638); no secret.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="KeyChangedAt">When the account's key was last changed; null if it never was.</param>
/// <param name="Refused">Why the authority accepts no orders of the account; null if it accepts them.</param>
/// <param name="Waiting">New names that wait in queues for the authority's limits.</param>
/// <param name="WaitingUntil">When the last of these names has its turn; null if none waits.</param>
internal sealed record CertificateAccountResponse(
    string Directory, string? Url, string Thumbprint, DateTimeOffset CreatedAt, DateTimeOffset? KeyChangedAt,
    string? Refused, long Waiting, DateTimeOffset? WaitingUntil);

/// <summary><c>/api/v1/certificate-accounts</c>: the accounts at the certificate authorities. Which there are,
/// configuration says, and nothing here accepts terms.</summary>
internal static class CertificateAccounts
{
    public static void Map(IEndpointRouteBuilder accounts)
    {
        accounts.MapGet("/", ListAsync)
            .RequireAdmin()
            .Describe("ListCertificateAccounts", "Lists the accounts at the certificate authorities, in their order.");
        accounts.MapPost("/register", (
                [AsParameters] CertificateAccountsQuery query, HttpRequest request, ApiKeyHolder holder, TrackingDb db,
                TimeProvider time, CancellationToken cancellationToken) =>
                AskAsync(CertificateRequestKind.Register, query, request, holder, db, time, cancellationToken))
            .RequireAdmin()
            .Describe("RegisterCertificateAccounts", "Opens the accounts at the configured authorities now, and makes "
                + "another where an authority has closed one; the answer does not wait for it.")
            .DescribeProblems(400, 409);
        accounts.MapPost("/change-key", (
                [AsParameters] CertificateAccountsQuery query, HttpRequest request, ApiKeyHolder holder, TrackingDb db,
                TimeProvider time, CancellationToken cancellationToken) =>
                AskAsync(CertificateRequestKind.ChangeKey, query, request, holder, db, time, cancellationToken))
            .RequireAdmin()
            .Describe("ChangeCertificateAccountKeys", "Replaces the accounts' keys (RFC 8555, 7.3.5); their URLs stay. "
                + "The answer does not wait for it.")
            .DescribeProblems(400, 409);
        accounts.MapGet("/requests/{id}", ReadAsync)
            .RequireAdmin()
            .Describe("GetCertificateAccountRequest", "The state and the steps of a registration or a key change.")
            .DescribeProblems(404);
    }

    private static async Task<Ok<Page<CertificateAccountResponse>>> ListAsync(
        TrackingDb db, CancellationToken cancellationToken)
    {
        var rows = await db.Database.SqlQuery<AccountRow>(
            $"""
            SELECT a.directory "Directory", a.url "Url", a.thumbprint "Thumbprint", a.created_at "CreatedAt",
                a.key_changed_at "KeyChangedAt", a.refused::text "Refused", coalesce(q.names, 0) "Waiting",
                q.until "WaitingUntil"
            FROM certificates.accounts a
            LEFT JOIN (
                SELECT split_part(n.queued_for, '|', 1) directory, count(*) names, max(n.due_at) until
                FROM certificates.names n WHERE n.queued_for IS NOT NULL GROUP BY 1
            ) q ON q.directory = a.directory
            ORDER BY a.rank, a.directory
            """).ToListAsync(cancellationToken);
        return TypedResults.Ok(new Page<CertificateAccountResponse>(
            [
                .. rows.Select(row => new CertificateAccountResponse(
                    row.Directory, row.Url, row.Thumbprint, row.CreatedAt, row.KeyChangedAt,
                    row.Refused is null ? null : JsonSerializer.Deserialize<string>(row.Refused),
                    row.Waiting, row.WaitingUntil)),
            ],
            null));
    }

    private static async Task<Results<Accepted<CertificateRequestResponse>, Problem>> AskAsync(
        CertificateRequestKind kind,
        CertificateAccountsQuery query,
        HttpRequest http,
        ApiKeyHolder holder,
        TrackingDb db,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var errors = new InputErrors();
        ReadQuery.RefuseUnknown<CertificateAccountsQuery>(http, errors);
        if (errors.Any)
        {
            return errors.ToProblem();
        }

        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var last = await CertificateRequests.LastAsync(db, kind, null, null, cancellationToken);
        if (last is { IsDone: false } before && time.GetUtcNow() - before.AskedAt < TimeSpan.FromHours(1))
        {
            return Problems.Conflict("The same is under way. Where it does not end, no certificate service with an "
                + "authority runs.");
        }

        var request = await CertificateRequests.AddAsync(
            db, new(kind) { Directory = query.Directory }, time, cancellationToken);
        await RecordChange.AddAsync(
            db,
            holder,
            new(
                kind == CertificateRequestKind.Register
                    ? "register-certificate-accounts"
                    : "change-certificate-account-keys",
                query.Directory ?? "all"),
            time,
            cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return TypedResults.Accepted($"requests/{request.Id}", request);
    }

    private static async Task<Results<Ok<CertificateRequestResponse>, Problem>> ReadAsync(
        Guid id, TrackingDb db, CancellationToken cancellationToken) =>
        await CertificateRequests.ReadAsync(db, id, null, null, cancellationToken) is { } request
            ? TypedResults.Ok(request)
            : Problems.NotFound("request", $"{id}");

    private sealed class AccountRow
    {
        public required string Directory { get; init; }

        public string? Url { get; init; }

        public required string Thumbprint { get; init; }

        public required DateTimeOffset CreatedAt { get; init; }

        public DateTimeOffset? KeyChangedAt { get; init; }

        public string? Refused { get; init; }

        public required long Waiting { get; init; }

        public DateTimeOffset? WaitingUntil { get; init; }
    }
}

/// <summary>The query of <see cref="CertificateAccounts"/>.</summary>
internal sealed class CertificateAccountsQuery
{
    /// <summary>One authority only.</summary>
    [FromQuery(Name = "directory"), System.ComponentModel.Description(
        "The ACME directory of one authority; without it, all authorities.")]
    public string? Directory { get; init; }
}

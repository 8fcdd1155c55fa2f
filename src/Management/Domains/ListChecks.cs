using System.ComponentModel;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Tracking.Api;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Domains;

/// <summary>A check of a tracking domain.</summary>
/// <param name="Id">The id.</param>
/// <param name="At">When.</param>
/// <param name="Cause">Why: polled (the name waits to be verified), daily, asked (by a request), taken-over (another
/// cluster verified the same name).</param>
/// <param name="Outcome">What DNS showed: verified, contradicted (all that answer agree that the record is not right),
/// no-evidence (nothing is proved).</param>
/// <param name="Effect">What followed: nothing, activated, warned (a first strike), demoted (pending again), recovered
/// (the strike is taken back).</param>
/// <param name="Diagnosis">Everything that was found.</param>
internal sealed record CheckResponse(
    Guid Id, DateTimeOffset At, string Cause, string Outcome, string Effect, JsonNode? Diagnosis);

/// <summary><c>GET /api/v1/clusters/{cluster}/tracking-domains/{hostname}/checks</c>, newest first.</summary>
internal static class ListChecks
{
    public static void Map(IEndpointRouteBuilder domains) => domains.MapGet(FindDomain.Route + "/checks", HandleAsync)
        .RequireClusterAccess()
        .Describe("ListTrackingDomainChecks", "The checks of a tracking domain and what DNS said, newest first.")
        .DescribeProblems(400);

    private static async Task<Results<Ok<Page<CheckResponse>>, Problem>> HandleAsync(
        ClusterId cluster,
        string hostname,
        [AsParameters] ListChecksQuery query,
        HttpRequest request,
        TrackingDb db,
        CancellationToken cancellationToken)
    {
        var errors = new InputErrors();
        ReadQuery.RefuseUnknown<ListChecksQuery>(request, errors);
        var limit = ReadQuery.Limit(query.Limit, errors);
        var after = ReadQuery.After(query.After, Cursor.TryReadCheck, errors);
        if (errors.Any)
        {
            return errors.ToProblem();
        }

        if (await FindDomain.ReadAsync(db, cluster, hostname, cancellationToken) is not { } domain)
        {
            return FindDomain.NoSuchDomain(hostname);
        }

        var rows = await db.DomainChecks.FromSql(
            $"""
            SELECT * FROM domains.checks
            WHERE domain_id = {domain.Id} AND ({after}::uuid IS NULL OR id < {after})
            ORDER BY id DESC
            LIMIT {limit + 1}
            """).AsNoTracking().ToListAsync(cancellationToken);
        return TypedResults.Ok(new Page<CheckResponse>(
            [.. rows.Take(limit).Select(Of)],
            rows.Count > limit ? Cursor.OfCheck(rows[limit - 1].Id) : null));
    }

    private static CheckResponse Of(DomainCheck check) => new(
        check.Id,
        check.At,
        Word(check.Cause),
        Word(check.Outcome),
        Word(check.Effect),
        JsonNode.Parse(check.Diagnosis));

    // The words have hyphens, as in the diagnosis.
    private static string Word<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());
}

/// <summary>The query of <see cref="ListChecks"/>.</summary>
internal sealed class ListChecksQuery
{
    /// <summary>Items of the page.</summary>
    [FromQuery(Name = "limit"), Description("Items of the page, 1 to 500; default 50.")]
    public string? Limit { get; init; }

    /// <summary>Where to continue.</summary>
    [FromQuery(Name = "after"), Description("The value of next from the page before.")]
    public string? After { get; init; }
}

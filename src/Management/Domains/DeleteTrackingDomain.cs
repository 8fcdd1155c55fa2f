using System.ComponentModel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.Audit;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Domains;

/// <summary>
/// <c>DELETE /api/v1/clusters/{cluster}/tracking-domains/{hostname}</c>: deletes a tracking domain at once and for
/// good. The row stays, so that its verification target is never issued again: the customer's DNS record may still lead
/// to that target.
/// </summary>
internal static class DeleteTrackingDomain
{
    private static readonly (string Word, bool Value)[] _flags = [("true", true), ("false", false)];

    public static void Map(IEndpointRouteBuilder domains) => domains.MapDelete(FindDomain.Route, HandleAsync)
        .RequireClusterAccess()
        .Describe("DeleteTrackingDomain", "Deletes a tracking domain. Its links stop working at once, and nothing "
            + "brings them back. With dryRun=true nothing is deleted, and the answer counts the links that would stop.")
        .DescribeProblems(400);

    private static async Task<Results<Ok<LinksAtRisk>, Problem>> HandleAsync(
        ClusterId cluster,
        string hostname,
        [AsParameters] DeleteTrackingDomainQuery query,
        HttpRequest request,
        ApiKeyHolder holder,
        TrackingDb db,
        ApiDataSource dataSource,
        ApplyChange change,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var errors = new InputErrors();
        ReadQuery.RefuseUnknown<DeleteTrackingDomainQuery>(request, errors);
        var isDryRun = ReadQuery.Choice("dryRun", query.DryRun, false, _flags, errors);
        if (errors.Any)
        {
            return errors.ToProblem();
        }

        var name = isDryRun
            ? (await FindDomain.ReadAsync(db, cluster, hostname, cancellationToken))?.Hostname
            : await DeleteAsync(db, cluster, hostname, holder, change, time, cancellationToken);
        if (name is null)
        {
            return FindDomain.NoSuchDomain(hostname);
        }

        // The links are counted after the deletion: counting may take seconds, and the deletion must not wait for it.
        return TypedResults.Ok(
            await CountLinksAtRisk.CountAsync(dataSource, cluster, name, !isDryRun, time, cancellationToken));
    }

    /// <summary>Deletes the domain.</summary>
    /// <returns>The stored name; <see langword="null"/> if the domain does not exist.</returns>
    public static async Task<string?> DeleteAsync(
        TrackingDb db,
        ClusterId cluster,
        string hostname,
        ApiKeyHolder holder,
        ApplyChange change,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        if (await FindDomain.LockAsync(db, cluster, hostname, cancellationToken) is not { } domain)
        {
            return null;
        }

        var before = AuditedDomain.Of(domain);
        domain.DeletedAt = time.GetUtcNow();
        domain.IsDefault = false;
        domain.WantsDefault = false;
        domain.NextCheckAt = null;
        await db.SaveChangesAsync(cancellationToken);
        await RecordChange.AddAsync(
            db, holder, new("delete-tracking-domain", domain.Hostname, cluster, before), time, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        await change.ApplyAsync(cluster, isDeleted: true, hostname: domain.Hostname);
        return domain.Hostname;
    }
}

/// <summary>The query of <see cref="DeleteTrackingDomain"/>.</summary>
internal sealed class DeleteTrackingDomainQuery
{
    /// <summary>Whether only to count.</summary>
    [FromQuery(Name = "dryRun")]
    [Description("true: nothing is deleted; the answer counts the links that would stop working.")]
    public string? DryRun { get; init; }
}

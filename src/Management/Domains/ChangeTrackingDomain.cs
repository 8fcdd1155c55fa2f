using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Tracking.Api;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.Audit;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Domains;

/// <summary>
/// <c>PATCH /api/v1/clusters/{cluster}/tracking-domains/{hostname}</c>: a JSON merge patch (RFC 7396). A name itself
/// cannot be changed: links that were sent hold it.
/// </summary>
internal static class ChangeTrackingDomain
{
    private static readonly (string Member, string Instead)[] _elsewhere =
    [
        ("hostname", "cannot be changed, links that were sent hold it; add the new name, make it the default and "
            + "retire this one."),
        ("isDefault", "is set with PUT …/default and cleared with DELETE …/default."),
        ("setAsDefault", "is said when a name is added; of an active one PUT …/default."),
        ("status", "follows from DNS; POST …/verify asks it now."),
    ];

    public static void Map(IEndpointRouteBuilder domains) => domains.MapPatch(FindDomain.Route, HandleAsync)
        .RequireClusterAccess()
        .Describe("ChangeTrackingDomain", "Changes the sent members and keeps the others (JSON merge patch, RFC 7396).")
        .DescribeBody<TrackingDomainSettings>(mergePatch: true)
        .DescribeProblems(400, 413, 415);

    private static async Task<Results<Ok<TrackingDomainResponse>, Problem>> HandleAsync(
        ClusterId cluster,
        string hostname,
        HttpRequest request,
        ApiKeyHolder holder,
        TrackingDb db,
        ApplyChange change,
        DescribeDomain describe,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (patch, problem) = await ReadJsonBody.ReadAsync(request, cancellationToken);
        if (patch is null)
        {
            return problem!;
        }

        return await ChangeAsync(cluster, hostname, patch, holder, db, change, describe, time, cancellationToken);
    }

    /// <summary>Applies a merge patch.</summary>
    public static async Task<Results<Ok<TrackingDomainResponse>, Problem>> ChangeAsync(
        ClusterId cluster,
        string hostname,
        JsonObject patch,
        ApiKeyHolder holder,
        TrackingDb db,
        ApplyChange change,
        DescribeDomain describe,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        if (await FindDomain.LockAsync(db, cluster, hostname, cancellationToken) is not { } domain)
        {
            return FindDomain.NoSuchDomain(hostname);
        }

        var errors = new InputErrors();
        if (Read(domain, patch, errors) is not { } settings)
        {
            return errors.ToProblem();
        }

        var before = AuditedDomain.Of(domain);
        domain.TrackClicks = settings.TrackClicks;
        domain.TrackingLevel = settings.TrackingLevel;
        domain.TrackOpens = settings.TrackOpens;
        domain.Https = settings.Https;
        domain.ExcludedDomains = [.. settings.ExcludedDomains];
        domain.Utm = settings.Utm;
        domain.IsRetired = settings.Retired;
        // A retired domain makes no new links, so it cannot stay the default.
        domain.IsDefault &= !settings.Retired;
        domain.WantsDefault &= !settings.Retired;
        await db.SaveChangesAsync(cancellationToken);
        await RecordChange.AddAsync(
            db,
            holder,
            new("change-tracking-domain", domain.Hostname, cluster, before, AuditedDomain.Of(domain)),
            time,
            cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        await change.ApplyAsync(cluster, hostname: domain.Hostname);
        return TypedResults.Ok(await describe.OfAsync(db, domain, cancellationToken));
    }

    private static TrackingDomainSettings? Read(TrackingDomain domain, JsonObject patch, InputErrors errors)
    {
        foreach (var (member, instead) in _elsewhere)
        {
            if (patch.ContainsKey(member))
            {
                errors.Add(member, instead);
            }
        }

        ReadJson.RefuseUnknown(
            patch, "", [.. TrackingDomainSettings.Known, .. _elsewhere.Select(other => other.Member)], errors);
        var merged = (JsonObject)MergePatch.Apply(TrackingDomainSettings.Of(domain).ToJson(), patch)!;
        var settings = TrackingDomainSettings.Read(merged, errors);
        if (patch.ContainsKey("https"))
        {
            HttpsForced.Refuse(settings.Https, domain.Hostname, domain.LastCheck, errors);
        }

        return errors.Any ? null : settings;
    }
}

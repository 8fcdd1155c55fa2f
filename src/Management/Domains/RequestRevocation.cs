using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Tracking.Api;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.Audit;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Domains;

/// <summary>The body of a request that revokes a certificate.</summary>
/// <param name="Reason">unspecified, keyCompromise, superseded or cessationOfOperation (RFC 5280).</param>
/// <param name="Replace">true, which is the default of an active domain: another certificate takes its place first, for
/// an hour at most. false: serving stops at once; an active domain orders another one then.</param>
internal sealed record RevokeCertificateRequest(string Reason, bool? Replace);

/// <summary>
/// <c>POST /api/v1/clusters/{cluster}/tracking-domains/{hostname}/certificate/revoke</c>: the certificate in use is not
/// to be trusted any more.
/// </summary>
internal static class RequestRevocation
{
    // The reasons that subscribers may give, with the numbers of RFC 5280 §5.3.1.
    private static readonly Dictionary<string, short> _reasons = new(StringComparer.Ordinal)
    {
        ["unspecified"] = 0,
        ["keyCompromise"] = 1,
        ["superseded"] = 4,
        ["cessationOfOperation"] = 5,
    };

    public static void Map(IEndpointRouteBuilder domains) => domains.MapPost(
            FindDomain.Route + "/certificate/revoke", HandleAsync)
        .RequireClusterAccess()
        .Describe("RevokeTrackingDomainCertificate", "Has the certificate of a tracking domain revoked, another one in "
            + "its place first; the answer does not wait for it.")
        .DescribeBody<RevokeCertificateRequest>(required: "reason")
        .DescribeProblems(400, 409, 413, 415);

    private static async Task<Results<Accepted<CertificateRequestResponse>, Problem>> HandleAsync(
        ClusterId cluster,
        string hostname,
        HttpRequest http,
        ApiKeyHolder holder,
        TrackingDb db,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (json, problem) = await ReadJsonBody.ReadAsync(http, cancellationToken);
        if (json is null)
        {
            return problem!;
        }

        var errors = new InputErrors();
        ReadJson.RefuseUnknown(json, "", ["reason", "replace"], errors);
        var reason = Reason(json["reason"], errors);
        var replace = Replace(json["replace"], errors);
        if (errors.Any)
        {
            return errors.ToProblem();
        }

        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        if (await FindDomain.LockAsync(db, cluster, hostname, cancellationToken) is not { } domain)
        {
            return FindDomain.NoSuchDomain(hostname);
        }

        var inUse = await db.Database.SqlQuery<Guid?>(
            $"""
            SELECT n.certificate_id "Value" FROM certificates.names n
            JOIN certificates.issued i ON i.id = n.certificate_id
            WHERE n.hostname = {domain.Hostname} AND i.cluster_id = {cluster.Value}
            """).ToListAsync(cancellationToken);
        if (inUse is not [{ } certificate])
        {
            return Problems.Conflict($"'{domain.Hostname}' has no certificate of this installation to revoke.");
        }

        var last = await CertificateRequests.LastAsync(
            db, CertificateRequestKind.Revoke, cluster, domain.Hostname, cancellationToken);
        if (last is { IsDone: false })
        {
            return Problems.Conflict($"A revocation for '{domain.Hostname}' is under way.");
        }

        var request = await CertificateRequests.AddAsync(
            db,
            new(CertificateRequestKind.Revoke)
            {
                Hostname = domain.Hostname,
                Cluster = cluster,
                Certificate = certificate,
                Reason = reason,
                IsReplacedFirst = (replace ?? true) && domain.Status == DomainStatus.Active,
            },
            time,
            cancellationToken);
        await RecordChange.AddAsync(
            db, holder, new("revoke-certificate", domain.Hostname, cluster, After: json), time, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return TypedResults.Accepted($"requests/{request.Id}", request);
    }

    private static short Reason(JsonNode? node, InputErrors errors)
    {
        if (node is JsonValue value && value.TryGetValue<string>(out var text)
            && _reasons.TryGetValue(text, out var reason))
        {
            return reason;
        }

        errors.Add("reason", $"got {ReadJson.Got(node)}, takes one of {string.Join(", ", _reasons.Keys)}");
        return 0;
    }

    private static bool? Replace(JsonNode? node, InputErrors errors)
    {
        switch (node?.GetValueKind())
        {
            case null:
                return null;
            case JsonValueKind.True:
                return true;
            case JsonValueKind.False:
                return false;
            default:
                errors.Add("replace", $"got {ReadJson.Got(node)}, takes true or false");
                return null;
        }
    }
}

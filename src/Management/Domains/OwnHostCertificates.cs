using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Tracking.Api;
using Tracking.Database;
using Tracking.Management.Audit;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Domains;

/// <summary>One of the operator's own hosts.</summary>
/// <param name="Hostname">The name, A-labels.</param>
/// <param name="IsSystemHost">Whether links without a tracking domain use this host.</param>
/// <param name="Tls">The state of its certificate.</param>
internal sealed record OwnHostResponse(string Hostname, bool IsSystemHost, TlsState Tls);

/// <summary><c>/api/v1/own-hosts</c>: the certificates of the operator's own hosts, which are the system host and the
/// hosts of <c>Tracking__Certificates__Hosts</c>. They get certificates in the same way as tracking domains.</summary>
internal static class OwnHostCertificates
{
    public static void Map(IEndpointRouteBuilder hosts)
    {
        hosts.MapGet("/", ListAsync)
            .RequireAdmin()
            .Describe("ListOwnHosts", "Lists the operator's own hosts and the state of their certificates, the system "
                + "host first.");
        hosts.MapGet("/{hostname}/certificate", ReadAsync)
            .RequireAdmin()
            .Describe("GetOwnHostCertificate", "The certificate of one of the operator's own hosts, and the attempts to "
                + "get it, newest first.")
            .DescribeProblems(400, 404);
        hosts.MapPost("/{hostname}/certificate/retry", RetryAsync)
            .RequireAdmin()
            .Describe("RetryOwnHostCertificate", "Tries to get the certificate of one of the operator's own hosts now; "
                + "the answer does not wait for it.")
            .DescribeProblems(404, 409);
    }

    private static async Task<Ok<Page<OwnHostResponse>>> ListAsync(
        TrackingDb db, IOptions<SystemOptions> system, TimeProvider time, CancellationToken cancellationToken)
    {
        var names = await NamesAsync(db, system.Value, cancellationToken);
        var facts = await CertificateFacts.ReadAsync(db, null, [.. names], cancellationToken);
        return TypedResults.Ok(new Page<OwnHostResponse>(
            [
                .. names.Select((name, place) => new OwnHostResponse(
                    name, place == 0, Of(facts.GetValueOrDefault(name), system.Value, time))),
            ],
            null));
    }

    private static async Task<Results<Ok<CertificateResponse>, Problem>> ReadAsync(
        string hostname,
        [AsParameters] GetCertificateQuery query,
        HttpRequest request,
        TrackingDb db,
        IOptions<SystemOptions> system,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var errors = new InputErrors();
        ReadQuery.RefuseUnknown<GetCertificateQuery>(request, errors);
        var limit = ReadQuery.Limit(query.Limit, errors);
        var after = ReadQuery.After(query.After, Cursor.TryReadAttempt, errors);
        if (errors.Any)
        {
            return errors.ToProblem();
        }

        if (await FindAsync(db, hostname, system.Value, cancellationToken) is not { } name)
        {
            return Problems.NotFound("own host", hostname);
        }

        var facts = await CertificateFacts.ReadAsync(db, null, [name], cancellationToken);
        var (items, next) = await CertificateAttempt.ReadAsync(db, null, name, limit, after, cancellationToken);
        return TypedResults.Ok(new CertificateResponse(
            name, Of(facts.GetValueOrDefault(name), system.Value, time), items, next));
    }

    private static async Task<Results<Ok<TlsState>, Problem>> RetryAsync(
        string hostname,
        ApiKeyHolder holder,
        TrackingDb db,
        IOptions<SystemOptions> system,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        if (await FindAsync(db, hostname, system.Value, cancellationToken) is not { } name)
        {
            return Problems.NotFound("own host", hostname);
        }

        var now = time.GetUtcNow();
        var before = await FactsAsync();
        if (RetryCertificate.Refusal(name, before, before?.NotAfter, now) is { } refusal)
        {
            return refusal;
        }

        if (!await RetryCertificate.MakeDueAsync(db, null, name, now, cancellationToken))
        {
            return RetryCertificate.UnderWay(name);
        }

        var state = Of(await FactsAsync(), system.Value, time);
        await RecordChange.AddAsync(
            db,
            holder,
            new("retry-certificate", name, null, Of(before, system.Value, time), state),
            time,
            cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return TypedResults.Ok(state);

        async Task<CertificateFacts?> FactsAsync() =>
            (await CertificateFacts.ReadAsync(db, null, [name], cancellationToken)).GetValueOrDefault(name);
    }

    private static TlsState Of(CertificateFacts? facts, SystemOptions system, TimeProvider time) =>
        TlsState.OfOwn(facts, time.GetUtcNow(), system.TlsEndsInFront);

    private static async Task<string?> FindAsync(
        TrackingDb db, string hostname, SystemOptions system, CancellationToken cancellationToken) =>
        (await NamesAsync(db, system, cancellationToken)).Find(
            name => string.Equals(name, hostname, StringComparison.OrdinalIgnoreCase));

    // The system host comes from the settings. The certificate service has stored the others from its own settings. A
    // host that was taken from those settings is not due any more.
    private static async Task<List<string>> NamesAsync(
        TrackingDb db, SystemOptions system, CancellationToken cancellationToken)
    {
        var host = OwnNames.Of(system).Host.Value;
        var others = await db.Database.SqlQuery<string>(
            $"""
            SELECT hostname "Value" FROM certificates.names
            WHERE cluster_id IS NULL AND hostname <> {host} AND due_at < 'infinity'
            """).ToListAsync(cancellationToken);
        return [host, .. others.Order(StringComparer.Ordinal)];
    }
}

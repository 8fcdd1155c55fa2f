using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Tracking.Api;
using Tracking.Contracts;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Domains;

/// <summary>
/// <c>POST /api/v1/clusters/{cluster}/tracking-domains/{hostname}/verify</c>: asks DNS now and waits for the result. 1.
/// The request is stored in the domain's row. 2. The verifiers are called. 3. The row is read until it has their
/// result. </summary>
internal static class VerifyTrackingDomain
{
    public static void Map(IEndpointRouteBuilder domains) => domains.MapPost(
            FindDomain.Route + "/verify",
            (ClusterId cluster, string hostname) => (IResult)new Verification(cluster, hostname))
        .RequireClusterAccess()
        .Describe("VerifyTrackingDomain", "Asks DNS now. The answer is the domain when it is active, else what DNS "
            + "says and how to put it right.")
        .Produces<TrackingDomainResponse>()
        .DescribeProblems(409);

    /// <summary>Asks DNS now, and waits for the result as long as a person does.</summary>
    /// <returns>The answer of the route.</returns>
    public static Task<IResult> VerifyAsync(
        ClusterId cluster, string hostname, IServiceProvider services, CancellationToken cancellationToken) =>
        new Verification(cluster, hostname).RunAsync(services, cancellationToken);

    // The verification is a result and not a handler, because each tenant's time in handlers is limited, and this time
    // is spent waiting.
    private sealed class Verification(ClusterId cluster, string hostname) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            var services = httpContext.RequestServices;
            var share = services.GetRequiredService<LimitTenants>().Of(httpContext.Features.Get<ApiKeyHolder>()!);
            if (share.BeginCheck() is { } refusal)
            {
                await refusal.ExecuteAsync(httpContext);
                return;
            }

            try
            {
                await (await RunAsync(services, httpContext.RequestAborted)).ExecuteAsync(httpContext);
            }
            finally
            {
                share.EndCheck();
            }
        }

        public async Task<IResult> RunAsync(IServiceProvider services, CancellationToken cancellationToken)
        {
            var db = services.GetRequiredService<TrackingDb>();
            if (await FindDomain.ReadAsync(db, cluster, hostname, cancellationToken) is not { } domain)
            {
                return FindDomain.NoSuchDomain(hostname);
            }

            var pause = services.GetRequiredService<IOptions<ManagementOptions>>().Value.VerificationPause;
            var requested = await RequestAsync(
                services.GetRequiredService<ApiDataSource>(), domain.Id, pause, cancellationToken);
            if (requested is not { } requestedAt)
            {
                return Problems.TooMany(
                    $"a check of one name every {pause.TotalSeconds:0.#} s",
                    Remaining(domain, pause, services.GetRequiredService<TimeProvider>().GetUtcNow()));
            }

            services.GetRequiredService<AskVerifier>().Verify(new VerifyDomain
            {
                Id = Guid.CreateVersion7(requestedAt),
                Domain = domain.Id,
                Cluster = cluster.Value,
                Hostname = domain.Hostname,
            });
            var checks = services.GetRequiredService<AwaitChecks>();
            if (!await checks.IsDoneAsync(domain.Id, requestedAt, cancellationToken))
            {
                return Problems.Unavailable("A verifier", AskVerifier.RetryAfter);
            }

            return await FindDomain.ReadAsync(db, cluster, hostname, cancellationToken) is { } verified
                ? Answer(await services.GetRequiredService<DescribeDomain>().OfAsync(db, verified, cancellationToken))
                : FindDomain.NoSuchDomain(hostname);
        }

        private static IResult Answer(TrackingDomainResponse domain) => domain.Status == DomainStatus.Active
            ? TypedResults.Ok(domain)
            : Problems.DomainNotVerified(Explain(domain))
                .With("diagnosis", domain.LastCheck?.DeepClone())
                .With("domain", domain);

        // The text has the most severe finding and its next step. The diagnosis has the rest.
        private static string Explain(TrackingDomainResponse domain)
        {
            var finding = (domain.LastCheck?["findings"] as JsonArray)?.FirstOrDefault();
            return finding?["text"] is { } text
                ? $"{text} {finding["nextStep"]}".TrimEnd()
                : $"{domain.Hostname} does not lead to {domain.Verification.Value} yet.";
        }

        // Another request may have come since the domain was read. Then the whole pause is left.
        private static TimeSpan Remaining(TrackingDomain domain, TimeSpan pause, DateTimeOffset now) =>
            domain.CheckRequestedAt + pause - now is { } left && left > TimeSpan.Zero ? left : pause;

        // The time is the database's, which verifiers use too.
        private static async Task<DateTimeOffset?> RequestAsync(
            ApiDataSource dataSource, Guid domain, TimeSpan pause, CancellationToken cancellationToken)
        {
            await using var command = dataSource.CreateCommand(
                """
                UPDATE domains.tracking_domains SET check_requested_at = now(), next_check_at = now()
                WHERE id = $1 AND deleted_at IS NULL
                  AND (check_requested_at IS NULL OR check_requested_at <= now() - $2)
                RETURNING check_requested_at
                """);
            command.Parameters.Add(new() { Value = domain });
            command.Parameters.Add(new() { Value = pause });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            return await reader.ReadAsync(cancellationToken) ? reader.GetFieldValue<DateTimeOffset>(0) : null;
        }
    }
}

using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Tracking.Api;
using Tracking.Contracts;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Domains;

/// <summary>The body of a request that checks a name.</summary>
/// <param name="Hostname">The name, as it would be added.</param>
internal sealed record CheckHostnameRequest(string Hostname);

/// <summary>Whether a name would be accepted, and what DNS says about it now.</summary>
/// <param name="Hostname">The name, A-labels; null if the text is no name.</param>
/// <param name="Unicode">The name as people read it.</param>
/// <param name="Accepted">Whether it could be added.</param>
/// <param name="Reason">Why not, and what would be right.</param>
/// <param name="Diagnosis">What DNS says; null for a name that could not be added.</param>
/// <param name="Caa">Who may issue certificates for the name (CAA, RFC 8659): one text per record, as in a zone file.
/// Empty when every authority may; null when DNS did not answer, which authorities treat as a prohibition, and for a
/// name that could not be added.</param>
/// <param name="CaaFoundAt">The name that has these records, the name itself or a parent; null without records.</param>
/// <param name="HttpsForced">Whether browsers open the name by https alone, because the site of a parent or the
/// top-level domain demands it for all names below (HSTS, RFC 6797): https could not be optional, and
/// <c>diagnosis</c> says who demands it. Null for a name that could not be added.</param>
internal sealed record CheckHostnameResponse(
    string? Hostname,
    string? Unicode,
    bool Accepted,
    string? Reason,
    JsonNode? Diagnosis,
    IReadOnlyList<string>? Caa,
    string? CaaFoundAt,
    bool? HttpsForced);

/// <summary><c>POST /api/v1/tracking-domains/check</c>: checks a name without adding it. Nothing is stored.</summary>
internal static class CheckHostname
{
    public static void Map(IEndpointRouteBuilder api) => api.MapPost("/tracking-domains/check", HandleAsync)
        .RequireAnyKey()
        .WithTags("Tracking domains")
        .Describe("CheckTrackingDomain", "Says whether a name could be added, what DNS says about it, who may "
            + "issue certificates for it and whether a parent demands https; nothing is stored.")
        .DescribeBody<CheckHostnameRequest>(required: "hostname")
        .Produces<CheckHostnameResponse>()
        .DescribeProblems(400, 413, 415);

    private static async Task<IResult> HandleAsync(
        HttpRequest request,
        ApiKeyHolder holder,
        TrackingDb db,
        IOptions<SystemOptions> system,
        CancellationToken cancellationToken)
    {
        var (json, problem) = await ReadJsonBody.ReadAsync(request, cancellationToken);
        if (json is null)
        {
            return problem!;
        }

        var errors = new InputErrors();
        ReadJson.RefuseUnknown(json, "", ["hostname"], errors);
        if (ReadHostname.Text(json, errors) is not { } text || errors.Any)
        {
            return errors.ToProblem();
        }

        var name = OwnNames.Of(system.Value).Read(text);
        var reason = !name.IsAccepted
            ? ReadHostname.Refusal(text, name)
            : await IsThereAsync(db, holder.Cluster, name.Host, cancellationToken)
                ? $"'{name.Host}' is a tracking domain of this cluster already."
                : null;
        return reason is null
            ? new Check(name.Host)
            : TypedResults.Ok(new CheckHostnameResponse(
                name.Host == default ? null : name.Host.Value,
                name.Host == default ? null : name.Host.ToUnicode(),
                Accepted: false,
                reason,
                Diagnosis: null,
                Caa: null,
                CaaFoundAt: null,
                HttpsForced: null));
    }

    private static Task<bool> IsThereAsync(
        TrackingDb db, ClusterId? cluster, HostName host, CancellationToken cancellationToken) =>
        db.TrackingDomains.AnyAsync(
            domain => domain.ClusterId == cluster && domain.Hostname == host.Value && domain.DeletedAt == null,
            cancellationToken);

    // The check is a result and not a handler, for the same reason as a verification.
    private sealed class Check(HostName host) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            var services = httpContext.RequestServices;
            var share = services.GetRequiredService<LimitTenants>().Of(httpContext.Features.Get<ApiKeyHolder>()!);
            if (share.BeginNameCheck() is { } refusal)
            {
                await refusal.ExecuteAsync(httpContext);
                return;
            }

            try
            {
                var answered = await services.GetRequiredService<AskVerifier>()
                    .CheckAsync(host.Value, httpContext.RequestAborted);
                IResult answer = answered is null
                    ? Problems.Unavailable("A verifier", AskVerifier.RetryAfter)
                    : TypedResults.Ok(Accepted(answered));
                await answer.ExecuteAsync(httpContext);
            }
            finally
            {
                share.EndNameCheck();
            }
        }

        private CheckHostnameResponse Accepted(NameChecked answered)
        {
            var diagnosis = JsonNode.Parse(answered.Diagnosis);
            return new CheckHostnameResponse(
                host.Value,
                host.ToUnicode(),
                Accepted: true,
                Reason: null,
                diagnosis,
                answered.Caa,
                answered.CaaFoundAt,
                HttpsForced.IsFound(diagnosis));
        }
    }
}

using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Tracking.Database.Entities;
using Tracking.Database.Privacy;
using Tracking.Links;
using Tracking.RedirectEdge.Destinations;
using Tracking.RedirectEdge.Hosts;

namespace Tracking.RedirectEdge.Events;

/// <summary>
/// Finds what may be kept of a request, before any of it is written: the policy of the cluster, the level in the token
/// (that of the message, which its domain, sender and recipient may have made stricter), a withdrawal, and the wish of
/// the browser. The strictest counts. Ingest applies cluster, message and withdrawal again.
/// </summary>
internal sealed class ApplyPrivacy(HostDirectory hosts, KeepRules rules, IOptions<RedirectEdgeOptions> options)
{
    private const string GlobalPrivacyControl = "Sec-GPC";

    private readonly TrackingLevel _levelOfWish = options.Value.GlobalPrivacyControl;

    /// <summary>The policy of one request.</summary>
    public ClusterPolicy For(HttpContext context, in LinkToken token)
    {
        var policy = hosts.PolicyOf(token.Cluster).Under((TrackingLevel)token.Level);
        if (_levelOfWish != TrackingLevel.Full && context.Request.Headers[GlobalPrivacyControl] == "1")
        {
            policy = policy.Under(_levelOfWish);
        }

        return rules.Withdrawn is { } withdrawn && withdrawn.Contains((token.Cluster, token.Message))
            ? policy.Under(TrackingLevel.Anonymous)
            : policy;
    }
}

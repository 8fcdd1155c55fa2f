using Microsoft.AspNetCore.Http;
using Tracking.Links;
using Tracking.RedirectEdge.Destinations;
using Tracking.RedirectEdge.Events;

namespace Tracking.RedirectEdge.Clicks;

/// <summary>
/// Serves <c>/c/&lt;token&gt;</c>, <c>/i/&lt;token&gt;</c> and the path style: records the click and redirects to the
/// destination that the sender wrote. After its first use a link is served from memory, without waiting.
/// </summary>
internal sealed class ServeClick(
    LinkLookup links, KeepRules rules, FindRepair repairs, RecordEvent record, EdgeMeters meters)
{
    /// <summary>Answers a verified click, image or honeypot token on its host.</summary>
    public Task ServeAsync(HttpContext context, in LinkToken token)
    {
        var key = new LinkKey(token.Cluster, token.Link);
        return links.TryGet(key, out var link)
            ? FollowAsync(context, token, link)
            : LookUpAsync(context, token, key);
    }

    // Nearly always there is no rule, or none that means this link: then nothing is waited for.
    private Task FollowAsync(HttpContext context, in LinkToken token, CachedLink link) =>
        rules.Current is not { } current || current.LeavesAlone(link)
            ? RedirectAsync(context, token, link)
            : FollowRulesAsync(context, token, link, current);

    private async Task FollowRulesAsync(
        HttpContext context, LinkToken token, CachedLink link, DestinationRules current)
    {
        var target = await repairs.RunAsync(current, token.Message, link) ?? link;
        if (current.Blocks(target.Url))
        {
            EdgeAnswer.Refuse(context, meters, EdgeOutcome.Blocked, ServeEdge.IsPicture(token.Kind));
            return;
        }

        // The event says where the recipient arrived, so that clicks before and after a repair are counted apart.
        await RedirectAsync(context, token with { Link = target.Key.Link }, target);
    }

    private Task RedirectAsync(HttpContext context, in LinkToken token, CachedLink link)
    {
        EdgeAnswer.Write(context, EdgeOutcome.Redirect, link.Url);
        if (context.Request.Method != HttpMethods.Get)
        {
            return Task.CompletedTask;
        }

        (token.Kind == LinkKind.Image ? meters.Images : meters.Clicks).Add(1);
        return record.Record(context, token);
    }

    private async Task LookUpAsync(HttpContext context, LinkToken token, LinkKey key)
    {
        var found = await links.FindAsync(key);
        if (found.Link is { } link)
        {
            await FollowAsync(context, token, link);
            return;
        }

        var outcome = found.Outcome switch
        {
            LookupOutcome.NotFound => EdgeOutcome.UnknownLink,
            LookupOutcome.Unsafe => EdgeOutcome.UnsafeDestination,
            _ => EdgeOutcome.Unavailable,
        };
        EdgeAnswer.Refuse(context, meters, outcome, ServeEdge.IsPicture(token.Kind));
    }
}

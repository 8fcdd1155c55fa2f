using System.Collections.Frozen;
using Tracking.Links;

namespace Tracking.EventIngest.Bots;

/// <summary>
/// The meaning of a network, by the number of its autonomous system and the kind of the event. An open from Apple's
/// egress is Apple's mail privacy protection; a click from there is a person with Private Relay. The numbers are those
/// of the registries in November 2026.
/// </summary>
internal static class NetworkRules
{
    // Apple, and Akamai's system that only serves Private Relay. Cloudflare and Fastly serve it too, but beside much
    // other traffic.
    private static readonly FrozenSet<long> _apple = FrozenSet.Create(714L, 6185, 36183);

    // Barracuda, Proofpoint, Mimecast, IronPort, Trend Micro.
    private static readonly FrozenSet<long> _security =
        FrozenSet.Create(15324L, 13916, 22843, 26211, 30031, 42427, 16417, 16880);

    // Amazon, Microsoft, Google's clouds; DigitalOcean, OVH, Hetzner, Linode, Vultr, Oracle, Alibaba, Tencent,
    // Scaleway, Contabo, Leaseweb.
    private static readonly FrozenSet<long> _hosting = FrozenSet.Create(
        14618L, 16509, 8075, 396982, 14061, 16276, 24940, 213230, 63949, 20473, 31898, 45102, 132203, 12876, 51167,
        60781);

    private static readonly Reason[] _reasons =
        [Reasons.AppleNetwork, Reasons.SecurityNetwork, Reasons.HostingNetwork];

    /// <summary>The reason that an autonomous system gives for an event; <see langword="null"/> if none.</summary>
    public static Reason? Of(long system, LinkKind kind) =>
        _security.Contains(system) ? Reasons.SecurityNetwork
        : _hosting.Contains(system) ? kind == LinkKind.Click ? Reasons.HostingNetwork : null
        : _apple.Contains(system) && kind is (LinkKind.Open or LinkKind.Image) ? Reasons.AppleNetwork
        : null;

    /// <summary>A small number for each reason, 0 for none.</summary>
    public static int NumberOf(Reason? reason) => Array.IndexOf(_reasons, reason) + 1;
}

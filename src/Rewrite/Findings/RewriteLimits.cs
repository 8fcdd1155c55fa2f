using System.ComponentModel.DataAnnotations;
using Tracking.Links;

namespace Tracking.Rewrite.Findings;

/// <summary>Limits on a message. A message beyond a limit passes through unchanged, with the reason.</summary>
public sealed record RewriteLimits
{
    /// <summary>The defaults.</summary>
    public static RewriteLimits Default { get; } = new();

    /// <summary>The depth of nested multiparts. 100 is Postfix's <c>mime_nesting_limit</c>.</summary>
    [Range(1, 1_000)]
    public int MaxDepth { get; init; } = 100;

    /// <summary>Parts of a message. 10,000 is ten times as many as the largest known list digests have.</summary>
    [Range(1, 1_000_000)]
    public int MaxParts { get; init; } = 10_000;

    /// <summary>Header fields of a message and its parts together. The default fits 10,000 parts with four fields
    /// each.</summary>
    [Range(10, 10_000_000)]
    public int MaxHeaderFields { get; init; } = 50_000;

    /// <summary>Header octets of a message and its parts together. 4 MiB is forty times Postfix's
    /// <c>header_size_limit</c>.</summary>
    [Range(1_024, 1 << 30)]
    public int MaxHeaderBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>Octets of a header of another system that is read (<c>HeadersOfOtherSystems</c>). A longer one is
    /// reported and not obeyed. 102,400 is Postfix's <c>header_size_limit</c>, at which it cuts
    /// fields.</summary>
    [Range(1_024, 1 << 24)]
    public int MaxOtherHeaderBytes { get; init; } = 102_400;

    /// <summary>Tracked links of a message. The default is the number of ordinals that a token has.</summary>
    [Range(1, LinkToken.MaxOrdinal + 1)]
    public int MaxTrackedLinks { get; init; } = LinkToken.MaxOrdinal + 1;

    /// <summary>UTF-8 octets that are kept of a link's name or visible text. 100 is about a line.</summary>
    [Range(1, 10_000)]
    public int MaxLinkNameBytes { get; init; } = 100;

    /// <summary>Octets of a text part whose charset must be decoded (UTF-16, Shift_JIS and the like). Decoding needs
    /// five times as much memory. 8 MiB is a hundred times a long newsletter.</summary>
    [Range(64 * 1_024, 1 << 28)]
    public int MaxDecodedBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>Octets of a line without its line break (RFC 5322 2.1.1).</summary>
    [Range(78, 998)]
    public int MaxLineBytes { get; init; } = 998;

    /// <summary>Octets of a path that stays visible in the path link style. A link with a longer path takes the compact
    /// style.</summary>
    [Range(0, 8_192)]
    public int MaxVisiblePathBytes { get; init; } = 512;
}

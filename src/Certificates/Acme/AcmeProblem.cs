namespace Tracking.Certificates.Acme;

/// <summary>Why a step failed: the authority's problem document (RFC 8555 §6.7, RFC 9457), or the reason why there was
/// no answer. All texts are cleaned of control characters and limited in length, so they may be shown and
/// stored.</summary>
/// <param name="Type">What kind it is.</param>
/// <param name="Detail">The authority's own words. Our words if the authority gave none.</param>
public sealed record AcmeProblem(AcmeProblemType Type, string Detail)
{
    /// <summary>The type as the authority sent it, with its prefix; empty if it sent none.</summary>
    public string TypeText { get; init; } = "";

    /// <summary>The HTTP status of the answer; <see langword="null"/> without one.</summary>
    public int? Status { get; init; }

    /// <summary>How long the authority asks us to wait, from <c>Retry-After</c> or from the text; 0 to
    /// <see cref="RetryAfter.Longest"/>. <see langword="null"/> if the authority named no time.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The page on which a person ends the pause of a name.</summary>
    public Uri? PausedUrl { get; init; }

    /// <summary>The page with the terms that have to be accepted.</summary>
    public Uri? TermsOfService { get; init; }

    /// <summary>The page that explains what a person has to do.</summary>
    public Uri? Instance { get; init; }

    /// <summary>The problems of single names.</summary>
    public IReadOnlyList<AcmeSubproblem> Subproblems { get; init; } = [];

    /// <summary>The advice of our own check before the order, if it is more exact than the advice for the
    /// type.</summary>
    public string? Advice { get; init; }

    /// <summary>Whether the authority reached the name from its first location but not from another one. Authorities
    /// check from several countries, so a firewall may let only some of them through.</summary>
    public bool IsFromElsewhere =>
        Type is AcmeProblemType.Connection or AcmeProblemType.Unauthorized or AcmeProblemType.Dns or AcmeProblemType.Tls
        && Detail.Contains("secondary validation", StringComparison.OrdinalIgnoreCase);

    /// <inheritdoc/>
    public override string ToString() => TypeText.Length > 0 ? $"{TypeText}: {Detail}" : $"{Type}: {Detail}";
}

/// <summary>A problem with one name of several (RFC 8555 §6.7.1).</summary>
/// <param name="Name">The name; empty when the authority did not say.</param>
/// <param name="Type">What kind it is.</param>
/// <param name="Detail">The authority's own words.</param>
public sealed record AcmeSubproblem(string Name, AcmeProblemType Type, string Detail);

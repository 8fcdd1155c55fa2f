namespace Tracking.Certificates.Acme;

/// <summary>Why a step failed: what the authority said, or what happened instead of an answer (RFC 8555 §6.7, RFC
/// 9457). Everything in it is plain and bounded text that may be shown and stored.</summary>
/// <param name="Type">What kind it is.</param>
/// <param name="Detail">The authority's own words; ours where it said nothing.</param>
public sealed record AcmeProblem(AcmeProblemType Type, string Detail)
{
    /// <summary>The type as it was sent, with its prefix; empty where nothing was.</summary>
    public string TypeText { get; init; } = "";

    /// <summary>The HTTP status of the answer; <see langword="null"/> without one.</summary>
    public int? Status { get; init; }

    /// <summary>How long the authority wants to be left alone, from <c>Retry-After</c> or from its words; 0 to
    /// <see cref="RetryAfter.Longest"/>. <see langword="null"/> when it did not say.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Where a person lets a paused name go on.</summary>
    public Uri? PausedUrl { get; init; }

    /// <summary>The terms that have to be accepted.</summary>
    public Uri? TermsOfService { get; init; }

    /// <summary>Where a person is sent for what has to be done.</summary>
    public Uri? Instance { get; init; }

    /// <summary>One for each name that has a problem of its own.</summary>
    public IReadOnlyList<AcmeSubproblem> Subproblems { get; init; } = [];

    /// <summary>What our own look found that a person has to do, where it knows more than the type says.</summary>
    public string? Advice { get; init; }

    /// <summary>Whether the first look at the name was fine and one from another place was not: the authority looks
    /// from several countries, and something lets only some of them through.</summary>
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

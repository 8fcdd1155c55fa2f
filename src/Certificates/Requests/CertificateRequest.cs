using Tracking.Certificates.Acme;
using Tracking.Certificates.Issuance;
using Tracking.Links;

namespace Tracking.Certificates.Requests;

/// <summary>What a person asks for; the numbers are stored.</summary>
internal enum RequestKind : short
{
    /// <summary>The accounts at the authorities, now.</summary>
    Register,

    /// <summary>Another key for an account (RFC 8555 §7.3.5).</summary>
    ChangeKey,

    /// <summary>Whether a name would get a certificate.</summary>
    Test,

    /// <summary>A certificate that is not to be trusted any more.</summary>
    Revoke,
}

/// <summary>A request that this process carries out.</summary>
internal sealed record CertificateRequest
{
    public required Guid Id { get; init; }

    public required RequestKind Kind { get; init; }

    /// <summary>The name of a test or a revocation.</summary>
    public HostName Host { get; init; }

    public ClusterId? Cluster { get; init; }

    /// <summary>The authority; <see langword="null"/>: all of them.</summary>
    public string? Directory { get; init; }

    public Guid? Certificate { get; init; }

    public RevocationReason Reason { get; init; }

    /// <summary>Whether another certificate takes the place of the revoked one first.</summary>
    public bool IsReplacedFirst { get; init; }

    public required DateTimeOffset AskedAt { get; init; }

    public required Guid Lease { get; init; }
}

/// <summary>A step of a request, as people are shown it.</summary>
/// <param name="At">When.</param>
/// <param name="Step">What was done or looked at, a word.</param>
/// <param name="Succeeded">Whether it is right.</param>
/// <param name="Authority">The ACME directory that was asked; <see langword="null"/> when none was.</param>
/// <param name="Text">What was found.</param>
/// <param name="Type">What kind of problem it is.</param>
/// <param name="Advice">What a person does about it.</param>
internal sealed record RequestStep(
    DateTimeOffset At, string Step, bool Succeeded, string? Authority, string Text, string? Type = null,
    string? Advice = null)
{
    /// <summary>A step that failed.</summary>
    public static RequestStep Of(DateTimeOffset at, string step, string? authority, AcmeProblem problem)
    {
        var facts = FailureFacts.Of(problem, authority);
        return new RequestStep(at, step, false, authority, facts.Detail, facts.Type, facts.Advice);
    }
}

/// <summary>What became of a request.</summary>
/// <param name="Succeeded">Whether all of it is right; <see langword="null"/> when it is not over.</param>
/// <param name="Later">When it goes on.</param>
internal sealed record RequestOutcome(bool? Succeeded, TimeSpan Later = default)
{
    public static RequestOutcome Done(bool succeeded) => new(succeeded);

    public static RequestOutcome After(TimeSpan pause) => new(null, pause);
}

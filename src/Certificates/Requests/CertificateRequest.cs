using Tracking.Certificates.Acme;
using Tracking.Certificates.Issuance;
using Tracking.Links;

namespace Tracking.Certificates.Requests;

/// <summary>The kinds of requests. The numbers are stored.</summary>
internal enum RequestKind : short
{
    /// <summary>Opens or registers the accounts at the authorities.</summary>
    Register,

    /// <summary>Changes the key of an account (RFC 8555 §7.3.5).</summary>
    ChangeKey,

    /// <summary>Tests whether a name would get a certificate.</summary>
    Test,

    /// <summary>Revokes a certificate.</summary>
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

    /// <summary>The authority; <see langword="null"/> for all authorities.</summary>
    public string? Directory { get; init; }

    public Guid? Certificate { get; init; }

    public RevocationReason Reason { get; init; }

    /// <summary>Whether another certificate replaces the revoked one first.</summary>
    public bool IsReplacedFirst { get; init; }

    public required DateTimeOffset AskedAt { get; init; }

    public required Guid Lease { get; init; }
}

/// <summary>A step of a request, as people are shown it.</summary>
/// <param name="At">When the step ended.</param>
/// <param name="Step">The step's name, one word.</param>
/// <param name="Succeeded">Whether the step succeeded.</param>
/// <param name="Authority">The authority's ACME directory; <see langword="null"/> for a step without an
/// authority.</param>
/// <param name="Text">The result in words.</param>
/// <param name="Type">The type of the problem.</param>
/// <param name="Advice">What a person can do about the problem.</param>
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

/// <summary>The state of a request after a run.</summary>
/// <param name="Succeeded">Whether every step succeeded; <see langword="null"/> while the request is not
/// finished.</param>
/// <param name="Later">How long until the request continues.</param>
internal sealed record RequestOutcome(bool? Succeeded, TimeSpan Later = default)
{
    public static RequestOutcome Done(bool succeeded) => new(succeeded);

    public static RequestOutcome After(TimeSpan pause) => new(null, pause);
}

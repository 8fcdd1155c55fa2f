namespace Tracking.Contracts;

/// <summary>Management → DomainVerifier: check this tracking domain now. The message only wakes the verifier: the row
/// in the database has the request too (<c>check_requested_at</c>), so a lost or repeated message does no
/// harm.</summary>
public sealed record VerifyDomain
{
    /// <summary>The producer's id of this message.</summary>
    public required Guid Id { get; init; }

    /// <summary>The tracking domain's id.</summary>
    public required Guid Domain { get; init; }

    /// <summary>Its cluster's number.</summary>
    public required int Cluster { get; init; }

    /// <summary>Its name, A-labels.</summary>
    public required string Hostname { get; init; }
}

/// <summary>Management → DomainVerifier: look up a name that is not added. Nothing is stored.</summary>
public sealed record CheckName
{
    /// <summary>The producer's id of this question.</summary>
    public required Guid Id { get; init; }

    /// <summary>The name, A-labels.</summary>
    public required string Hostname { get; init; }

    /// <summary>The queue for the answer.</summary>
    public required string ReplyTo { get; init; }
}

/// <summary>DomainVerifier → Management: the answer to <see cref="CheckName"/>.</summary>
public sealed record NameChecked
{
    /// <summary>The producer's id of this message.</summary>
    public required Guid Id { get; init; }

    /// <summary>The question's id.</summary>
    public required Guid Request { get; init; }

    /// <summary>The diagnosis, JSON, without a target; whether a parent demands https is among its findings.</summary>
    public required string Diagnosis { get; init; }

    /// <summary>Who may issue certificates (CAA, RFC 8659), one line per record. Empty means every authority.
    /// <see langword="null"/> means that DNS did not answer, which authorities treat as a prohibition.</summary>
    public IReadOnlyList<string>? Caa { get; init; }

    /// <summary>The name that has these records: the name itself or a parent.</summary>
    public string? CaaFoundAt { get; init; }
}

namespace Tracking.Contracts;

/// <summary>Management → DomainVerifier: somebody wants this tracking domain checked now. Only a call to look: the row
/// in the database says so too (<c>check_requested_at</c>), so a lost or repeated one does no harm.</summary>
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

/// <summary>Management → DomainVerifier: what does DNS say of a name that nobody has added? Nothing is
/// stored.</summary>
public sealed record CheckName
{
    /// <summary>The producer's id of this question.</summary>
    public required Guid Id { get; init; }

    /// <summary>The name, A-labels.</summary>
    public required string Hostname { get; init; }

    /// <summary>The queue that the answer goes to.</summary>
    public required string ReplyTo { get; init; }
}

/// <summary>DomainVerifier → Management: the answer to <see cref="CheckName"/>.</summary>
public sealed record NameChecked
{
    /// <summary>The producer's id of this message.</summary>
    public required Guid Id { get; init; }

    /// <summary>The question's id.</summary>
    public required Guid Request { get; init; }

    /// <summary>The diagnosis, JSON, without a target.</summary>
    public required string Diagnosis { get; init; }

    /// <summary>Who may issue certificates (CAA, RFC 8659), a record a line; empty: everybody. <see langword="null"/>:
    /// nobody could say, which authorities take for a no.</summary>
    public IReadOnlyList<string>? Caa { get; init; }

    /// <summary>The name that these records stand at: the name itself or a parent.</summary>
    public string? CaaFoundAt { get; init; }
}

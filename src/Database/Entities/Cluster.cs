using Tracking.Links;

namespace Tracking.Database.Entities;

/// <summary>A tenant.</summary>
public sealed class Cluster
{
    /// <summary>A random number that is never given to another cluster.</summary>
    public required ClusterId Id { get; init; }

    /// <summary>The name, unique among clusters that are not deleted. Upper and lower case are equal.</summary>
    public required string Name { get; set; }

    /// <summary>The addresses that get notices of problems.</summary>
    public required string[] NotifyEmails { get; set; }

    /// <summary>How its mail is tracked.</summary>
    public required ClusterSettings Settings { get; set; }

    /// <summary>When it was created.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When the cluster was deleted. Its keys and hosts stopped working then.</summary>
    public DateTimeOffset? DeletedAt { get; set; }
}

/// <summary>A domain from which a cluster sends. It belongs to one cluster only.</summary>
public sealed class SendingDomain
{
    /// <summary>A-labels, lower case.</summary>
    public required string Domain { get; init; }

    /// <summary>The cluster to which it belongs.</summary>
    public required ClusterId ClusterId { get; init; }
}

/// <summary>An API key; the secret itself is shown once and never stored.</summary>
public sealed class ApiKey
{
    /// <summary>The key's id, by which it is revoked.</summary>
    public required Guid Id { get; init; }

    /// <summary>The cluster that the key gives access to; <see langword="null"/> for an admin key.</summary>
    public required ClusterId? ClusterId { get; init; }

    /// <summary>The owner's name for the key.</summary>
    public required string Name { get; init; }

    /// <summary>SHA-256 of the secret.</summary>
    public required byte[] SecretHash { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it stopped working.</summary>
    public DateTimeOffset? RevokedAt { get; set; }
}

using Tracking.Links;

namespace Tracking.Database.Entities;

/// <summary>A destination of links, stored once per cluster and URL.</summary>
public sealed class Destination
{
    /// <summary>The cluster to which it belongs.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>The first 64 bits of the hash under <see cref="Salt"/>.</summary>
    public required LinkId LinkId { get; init; }

    /// <summary>The whole SHA-256 of <see cref="Url"/>.</summary>
    public required byte[] UrlHash { get; init; }

    /// <summary>0, or the number of other destinations whose hashes begin with the same 64 bits.</summary>
    public required short Salt { get; init; }

    /// <summary>The URL to which the recipient is redirected; printable ASCII.</summary>
    public required string Url { get; init; }

    /// <summary>When the destination was first stored.</summary>
    public required DateTimeOffset CreatedAt { get; init; }
}

/// <summary>A version of the signing key, sealed under the master key.</summary>
public sealed class StoredSigningKey
{
    /// <summary>The version, from 1.</summary>
    public required int Version { get; init; }

    /// <summary>The key, encrypted.</summary>
    public required byte[] Sealed { get; init; }

    /// <summary>When the key was made. It verifies links from then on.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When the key begins to sign links.</summary>
    public required DateTimeOffset SignsFrom { get; init; }
}

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

    /// <summary>0, or one more for every other destination met under the same bits.</summary>
    public required short Salt { get; init; }

    /// <summary>The URL to which the recipient is redirected; printable ASCII.</summary>
    public required string Url { get; init; }

    /// <summary>When it was first seen.</summary>
    public required DateTimeOffset CreatedAt { get; init; }
}

/// <summary>A version of the signing key, sealed under the master key.</summary>
public sealed class StoredSigningKey
{
    /// <summary>1 and up.</summary>
    public required int Version { get; init; }

    /// <summary>The key, encrypted.</summary>
    public required byte[] Sealed { get; init; }

    /// <summary>When it was made; it verifies from then on.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it begins to sign.</summary>
    public required DateTimeOffset SignsFrom { get; init; }
}

using Tracking.Database.Entities;

namespace Tracking.Management.Auth;

/// <summary>The body of a request that makes an API key.</summary>
/// <param name="Name">The owner's name for the key, 1 to 100 characters.</param>
public sealed record ApiKeyRequest(string Name);

/// <summary>An API key; its secret cannot be shown again.</summary>
/// <param name="Id">The id, by which the key is revoked.</param>
/// <param name="Name">The owner's name for the key.</param>
/// <param name="CreatedAt">When it was made.</param>
public sealed record ApiKeyResponse(Guid Id, string Name, DateTimeOffset CreatedAt)
{
    internal static ApiKeyResponse Of(ApiKey key) => new(key.Id, key.Name, key.CreatedAt);
}

/// <summary>A key that was just made.</summary>
/// <param name="Id">The id, by which the key is revoked.</param>
/// <param name="Name">The owner's name for the key.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="Secret">The secret, sent as <c>Authorization: Bearer</c>. Shown this once.</param>
public sealed record NewApiKeyResponse(Guid Id, string Name, DateTimeOffset CreatedAt, string Secret);

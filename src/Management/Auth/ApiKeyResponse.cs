using Tracking.Database.Entities;

namespace Tracking.Management.Auth;

/// <summary>What is sent to make an API key.</summary>
/// <param name="Name">What its owner calls it, 1 to 100 characters.</param>
public sealed record ApiKeyRequest(string Name);

/// <summary>An API key; its secret cannot be shown again.</summary>
/// <param name="Id">Names it, for example to revoke it.</param>
/// <param name="Name">What its owner calls it.</param>
/// <param name="CreatedAt">When it was made.</param>
public sealed record ApiKeyResponse(Guid Id, string Name, DateTimeOffset CreatedAt)
{
    internal static ApiKeyResponse Of(ApiKey key) => new(key.Id, key.Name, key.CreatedAt);
}

/// <summary>A key that was just made.</summary>
/// <param name="Id">Names it, for example to revoke it.</param>
/// <param name="Name">What its owner calls it.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="Secret">What to send as <c>Authorization: Bearer</c>. Shown this once.</param>
public sealed record NewApiKeyResponse(Guid Id, string Name, DateTimeOffset CreatedAt, string Secret);

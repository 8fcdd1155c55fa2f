namespace Tracking.Management.Console.Session;

/// <summary>Sign-in by OpenID Connect (OpenID Connect Core 1.0, authorization code with PKCE, RFC 7636):
/// <c>Tracking__Console__OpenId__…</c>.</summary>
public sealed class OpenIdSettings
{
    /// <summary>The provider's issuer address, <c>https://login.example.com/realms/staff</c>. Not set: people sign in
    /// with API keys only.</summary>
    public string? Authority { get; set; }

    /// <summary>The client id of this console at the provider. The provider must have
    /// <c>https://…/sign-in/openid/done</c> as the redirect address.</summary>
    public string? ClientId { get; set; }

    /// <summary>The client secret; not set if the provider gives none (a public client).</summary>
    public string? ClientSecret { get; set; }

    /// <summary>The button's text after <em>Sign in with</em>; default <c>OpenID Connect</c>.</summary>
    public string Name { get; set; } = "OpenID Connect";

    /// <summary>The claim that holds a person's rights; default <c>groups</c>.</summary>
    public string Claim { get; set; } = "groups";

    /// <summary>The claim's value for admins; default <c>tracking-admins</c>.</summary>
    public string AdminValue { get; set; } = "tracking-admins";

    /// <summary>The beginning of the claim's value for a cluster, before the cluster's id; default
    /// <c>tracking-cluster-</c>.</summary>
    public string ClusterPrefix { get; set; } = "tracking-cluster-";

    /// <summary>The requested scopes, separated by blanks; default <c>openid profile email</c>.</summary>
    public string Scope { get; set; } = "openid profile email";
}

namespace Tracking.Management.Console.Session;

/// <summary>Signing in by OpenID Connect (OpenID Connect Core 1.0, authorization code with PKCE, RFC 7636):
/// <c>Tracking__Console__OpenId__…</c>.</summary>
public sealed class OpenIdSettings
{
    /// <summary>The provider's issuer address, <c>https://login.example.com/realms/staff</c>. Not set: people sign in
    /// with API keys alone.</summary>
    public string? Authority { get; set; }

    /// <summary>What the provider calls this console. It knows <c>https://…/sign-in/openid/done</c> as its
    /// redirect address.</summary>
    public string? ClientId { get; set; }

    /// <summary>The secret that goes with it; not set where the provider gives none (a public client).</summary>
    public string? ClientSecret { get; set; }

    /// <summary>What the button says after <em>Sign in with</em>; default <c>OpenID Connect</c>.</summary>
    public string Name { get; set; } = "OpenID Connect";

    /// <summary>The claim that says what somebody may; default <c>groups</c>.</summary>
    public string Claim { get; set; } = "groups";

    /// <summary>Its value for admins; default <c>tracking-admins</c>.</summary>
    public string AdminValue { get; set; } = "tracking-admins";

    /// <summary>What its value for a cluster begins with, the cluster's id follows; default
    /// <c>tracking-cluster-</c>.</summary>
    public string ClusterPrefix { get; set; } = "tracking-cluster-";

    /// <summary>What is asked for, with blanks between; default <c>openid profile email</c>.</summary>
    public string Scope { get; set; } = "openid profile email";
}

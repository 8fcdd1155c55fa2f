namespace Tracking.AppHost.Engines;

/// <summary>An engine as a program of this machine, which a script of the repository installs and starts.</summary>
/// <param name="name">The resource's name.</param>
/// <param name="script">The script.</param>
/// <param name="folder">Its working directory.</param>
/// <param name="connection">The connection string, given the endpoint that services are to use.</param>
internal sealed class LocalEngine(
    string name, string script, string folder, Func<EndpointReference, ReferenceExpression> connection)
    : ExecutableResource(name, script, folder), IResourceWithConnectionString
{
    /// <summary>The name of the endpoint in the connection string.</summary>
    public const string Endpoint = "tcp";

    /// <inheritdoc/>
    public ReferenceExpression ConnectionStringExpression => connection(new EndpointReference(this, Endpoint));
}

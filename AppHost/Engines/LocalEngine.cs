namespace Tracking.AppHost.Engines;

/// <summary>An engine as a program of this machine. A script of the repository installs and starts it.</summary>
/// <param name="name">The resource's name.</param>
/// <param name="script">The script's path.</param>
/// <param name="folder">The script's working directory.</param>
/// <param name="connection">Returns the connection string for an endpoint.</param>
internal sealed class LocalEngine(
    string name, string script, string folder, Func<EndpointReference, ReferenceExpression> connection)
    : ExecutableResource(name, script, folder), IResourceWithConnectionString
{
    /// <summary>The name of the endpoint in the connection string.</summary>
    public const string Endpoint = "tcp";

    /// <inheritdoc/>
    public ReferenceExpression ConnectionStringExpression => connection(new EndpointReference(this, Endpoint));
}

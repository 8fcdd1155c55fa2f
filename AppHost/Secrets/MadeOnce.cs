using Aspire.Hosting.Publishing;

namespace Tracking.AppHost.Secrets;

/// <summary>A secret that the first start makes. The user's secrets keep it (<c>dotnet user-secrets</c>).</summary>
/// <param name="make">Returns a random secret.</param>
internal sealed class MadeOnce(Func<string> make) : ParameterDefault
{
    /// <inheritdoc/>
    public override string GetDefaultValue() => make();

    /// <inheritdoc/>
    public override void WriteToManifest(ManifestPublishingContext context) =>
        throw new InvalidOperationException("A published system gets its secrets from its operator.");
}

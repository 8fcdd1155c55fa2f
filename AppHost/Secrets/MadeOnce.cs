using Aspire.Hosting.Publishing;

namespace Tracking.AppHost.Secrets;

/// <summary>A secret that the first start makes; the user's secrets keep it (<c>dotnet user-secrets</c>).</summary>
/// <param name="make">Makes a random one.</param>
internal sealed class MadeOnce(Func<string> make) : ParameterDefault
{
    /// <inheritdoc/>
    public override string GetDefaultValue() => make();

    /// <inheritdoc/>
    public override void WriteToManifest(ManifestPublishingContext context) =>
        throw new InvalidOperationException("What is published gets its secrets from whoever deploys it.");
}

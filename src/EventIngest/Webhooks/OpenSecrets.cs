using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Links;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Webhooks;

/// <summary>Opens the secrets of endpoints. Storing events needs no master key. Without a master key, nothing is
/// delivered.</summary>
internal sealed class OpenSecrets(IOptions<SystemOptions> options) : IDisposable
{
    private readonly MasterKey? _key =
        options.Value is { MasterKeyFile.Length: > 0 } or { MasterKey.Length: > 0 }
            ? OpenMasterKey.From(options.Value)
            : null;

    /// <summary>Whether there is a master key.</summary>
    public bool CanOpen => _key is not null;

    /// <summary>The secrets with which webhooks are signed, the newest first.</summary>
    /// <returns><see langword="null"/> if there is no master key, or a secret was sealed under another master
    /// key.</returns>
    public IReadOnlyList<byte[]>? Open(LeasedEndpoint endpoint)
    {
        if (_key is null)
        {
            return null;
        }

        var opened = endpoint.SealedSecrets
            .Select(secret => WebhookSecret.Open(_key, endpoint.Id, secret)).OfType<byte[]>().ToList();
        return opened.Count == endpoint.SealedSecrets.Count ? opened : null;
    }

    /// <inheritdoc/>
    public void Dispose() => _key?.Dispose();
}

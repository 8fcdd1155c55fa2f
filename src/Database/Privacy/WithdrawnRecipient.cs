using System.Security.Cryptography;
using System.Text;
using Tracking.Links;

namespace Tracking.Database.Privacy;

/// <summary>
/// The keyed hash by which a recipient who withdrew is known (<c>rewrite.withdrawals</c>): the address itself is kept
/// nowhere. The key comes from the master key, so that nobody who has the rows alone can try addresses.
/// </summary>
public sealed class WithdrawnRecipient
{
    private readonly byte[] _key = new byte[HMACSHA256.HashSizeInBytes];

    /// <param name="masterKey">Where the key comes from.</param>
    public WithdrawnRecipient(MasterKey masterKey)
    {
        ArgumentNullException.ThrowIfNull(masterKey);
        masterKey.DeriveKey("rewrite.withdrawals", _key);
    }

    /// <summary>The hash of an address in a cluster, in any case.</summary>
    public byte[] Hash(ClusterId cluster, string recipient)
    {
        ArgumentNullException.ThrowIfNull(recipient);
        return HMACSHA256.HashData(
            _key, Encoding.UTF8.GetBytes($"{cluster} {recipient.Trim().TrimStart('<').TrimEnd('>').ToLowerInvariant()}"));
    }
}

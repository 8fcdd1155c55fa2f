using System.Security.Cryptography;
using System.Text;
using Tracking.Links;

namespace Tracking.Database.Privacy;

/// <summary>
/// The keyed hash of a recipient who withdrew (<c>rewrite.withdrawals</c>). The address itself is not stored. The hash
/// key is derived from the master key, so that the rows alone do not allow to test addresses.
/// </summary>
public sealed class WithdrawnRecipient
{
    private readonly byte[] _key = new byte[HMACSHA256.HashSizeInBytes];

    /// <param name="masterKey">The master key.</param>
    public WithdrawnRecipient(MasterKey masterKey)
    {
        ArgumentNullException.ThrowIfNull(masterKey);
        masterKey.DeriveKey("rewrite.withdrawals", _key);
    }

    /// <summary>The hash of an address in a cluster. Upper and lower case are equal.</summary>
    public byte[] Hash(ClusterId cluster, string recipient)
    {
        ArgumentNullException.ThrowIfNull(recipient);
        return HMACSHA256.HashData(
            _key, Encoding.UTF8.GetBytes($"{cluster} {recipient.Trim().TrimStart('<').TrimEnd('>').ToLowerInvariant()}"));
    }
}

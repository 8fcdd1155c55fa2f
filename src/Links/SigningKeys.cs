using System.Buffers.Binary;

namespace Tracking.Links;

/// <summary>One version of the key that signs tokens. Logs never contain the key: <see cref="ToString"/> shows only the
/// version.</summary>
public sealed class SigningKey
{
    /// <summary>The number of bytes of key material: SipHash-2-4 takes 128 bits.</summary>
    public const int Size = 16;

    private readonly ulong _key0;
    private readonly ulong _key1;

    /// <param name="version">The version, from 1.</param>
    /// <param name="material">Exactly <see cref="Size"/> random bytes.</param>
    public SigningKey(int version, ReadOnlySpan<byte> material)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(version, 1);
        ArgumentOutOfRangeException.ThrowIfNotEqual(material.Length, Size);
        Version = version;
        _key0 = BinaryPrimitives.ReadUInt64LittleEndian(material);
        _key1 = BinaryPrimitives.ReadUInt64LittleEndian(material[8..]);
    }

    /// <summary>The version, from 1. Every rotation adds one.</summary>
    public int Version { get; }

    /// <summary>The number of this version in a token: <c>(version − 1) mod 15</c>.</summary>
    internal int Slot => (Version - 1) % SigningKeys.Slots;

    /// <summary>The key version, without the key.</summary>
    public override string ToString() => $"signing key version {Version}";

    /// <summary>SipHash-2-4 of words in the form that <see cref="SipHash.Compute"/> takes.</summary>
    internal ulong Mac(ReadOnlySpan<ulong> words) => SipHash.Compute(_key0, _key1, words);
}

/// <summary>
/// All versions of the signing key, as one immutable snapshot: the newest version that may sign, and every version that
/// verifies. Versions verify for ever. The sixteenth version shares its slot in the token with the first, and both are
/// tried.
/// </summary>
public sealed class SigningKeys
{
    /// <summary>The number of key versions that a token distinguishes: four bits without the value whose base64url
    /// digits would include <c>-</c> and <c>_</c>.</summary>
    internal const int Slots = 15;

    private readonly SigningKey[][] _bySlot = new SigningKey[Slots][];

    /// <param name="current">The version that signs.</param>
    /// <param name="verifying">Every version that verifies; must contain <paramref name="current"/>.</param>
    public SigningKeys(SigningKey current, IReadOnlyCollection<SigningKey> verifying)
    {
        if (!verifying.Contains(current))
        {
            throw new ArgumentException("The signing version must also verify.", nameof(verifying));
        }

        Current = current;
        for (var slot = 0; slot < Slots; slot++)
        {
            _bySlot[slot] = [.. verifying.Where(key => key.Slot == slot).OrderByDescending(key => key.Version)];
        }
    }

    /// <summary>The version that signs new tokens.</summary>
    public SigningKey Current { get; }

    internal ReadOnlySpan<SigningKey> InSlot(int slot) => slot < Slots ? _bySlot[slot] : [];
}

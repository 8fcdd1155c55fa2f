using System.Buffers.Binary;
using System.Buffers.Text;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using System.Text;

namespace Tracking.Links;

/// <summary>The possible results of reading a token.</summary>
public enum TokenOutcome : byte
{
    /// <summary>The MAC is right: the token is ours, and every field is trustworthy.</summary>
    Valid,

    /// <summary>Not 40 base64url characters at the end of the path.</summary>
    NotAToken,

    /// <summary>The form of a token with a wrong MAC: damaged, guessed, or signed with a foreign key.</summary>
    Tampered,
}

/// <summary>
/// The identifier in a tracking URL: 240 bits as exactly 40 base64url characters (RFC 4648 §5), always the last 40 of
/// the raw path. From the first bit: cluster 24, message 72, link 64, ordinal 14, MAC 60, key slot 4, kind 2.
/// The slot is 0 to 14, so the last character is never <c>-</c> or <c>_</c>, which some mail programs cut off the end
/// of a URL. The MAC covers all other bits, and the level, which has no bits of its own: it is the one that the MAC
/// fits. The bit budget and its odds: <c>docs/decisions/0001-token.md</c>.
/// </summary>
/// <param name="Cluster">The link's cluster.</param>
/// <param name="Message">The link's message.</param>
/// <param name="Link">The destination; default for an open.</param>
/// <param name="Ordinal">The link's number, 0 to <see cref="MaxOrdinal"/>, counted over the whole message.</param>
/// <param name="Kind">The effect of requesting the URL.</param>
/// <param name="Level">How much is kept of who requests the URL, 0 (full) to 3: the number of a tracking level. Tokens
/// from before there were levels have 0.</param>
public readonly record struct LinkToken(
    ClusterId Cluster, MessageKey Message, LinkId Link, int Ordinal, LinkKind Kind, int Level = 0)
{
    /// <summary>The number of characters of a token.</summary>
    public const int Length = 40;

    /// <summary>The largest ordinal of 14 bits. Links beyond it stay plain.</summary>
    public const int MaxOrdinal = (1 << 14) - 1;

    /// <summary>The largest level.</summary>
    public const int MaxLevel = 3;

    private static readonly Vector512<byte> _alphabet = Vector512.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"u8);

    private const int Size = 30;
    private const int SignedSize = 23;
    private const ulong MacMask = (1UL << 60) - 1;

    /// <summary>Signs the token and writes it.</summary>
    /// <param name="key">The key version to sign with.</param>
    /// <param name="destination">At least <see cref="Length"/> bytes; receives ASCII.</param>
    /// <exception cref="ArgumentOutOfRangeException">A field is too large for its bits.</exception>
    public void Write(SigningKey key, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)Ordinal, (uint)MaxOrdinal, nameof(Ordinal));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)Level, (uint)MaxLevel, nameof(Level));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)Cluster.Value, (uint)ClusterId.MaxValue, nameof(Cluster));

        var last = (key.Slot << 2) | (int)Kind;
        var mac = Mac(key, last);
        var tail = (mac << 6) | (uint)last;
        var third = (Link.Value << 32) | ((ulong)((uint)(Ordinal << 2) | (uint)(mac >> 58)) << 16) | (tail >> 48);
        var words = Vector256.Create(
            BinaryPrimitives.ReverseEndianness(First),
            BinaryPrimitives.ReverseEndianness(Second),
            BinaryPrimitives.ReverseEndianness(third),
            BinaryPrimitives.ReverseEndianness(tail << 16)).AsByte();
        if (Base64Vector.IsSupported)
        {
            var characters = Base64Vector.Encode(words.ToVector512Unsafe(), _alphabet);
            characters.GetLower().CopyTo(destination);
            BinaryPrimitives.WriteUInt64LittleEndian(
                destination[Vector256<byte>.Count..], characters.GetUpper().AsUInt64().ToScalar());
            return;
        }

        Span<byte> bytes = stackalloc byte[Vector256<byte>.Count];
        words.CopyTo(bytes);
        Base64Url.EncodeToUtf8(bytes[..Size], destination[..Length], out _, out _);
    }

    /// <summary>The token as text.</summary>
    public string ToString(SigningKey key)
    {
        Span<byte> text = stackalloc byte[Length];
        Write(key, text);
        return Encoding.ASCII.GetString(text);
    }

    /// <summary>Reads the token at the end of a raw (undecoded) path. The fields are set only for a valid
    /// token.</summary>
    public static TokenOutcome Read(ReadOnlySpan<char> path, SigningKeys keys, out LinkToken token)
    {
        token = default;
        if (path.Length < Length)
        {
            return TokenOutcome.NotAToken;
        }

        Span<byte> bytes = stackalloc byte[Size];
        // Base64Url skips white space. A token contains none, so only exactly 30 decoded bytes are a token.
        var status = Base64Url.DecodeFromChars(path[^Length..], bytes, out _, out var written);
        if (status != System.Buffers.OperationStatus.Done || written != Size)
        {
            return TokenOutcome.NotAToken;
        }

        return Unpack(bytes, keys, out token);
    }

    /// <summary>Does the same as <see cref="Read(ReadOnlySpan{char}, SigningKeys, out LinkToken)"/>, for ASCII
    /// bytes.</summary>
    public static TokenOutcome Read(ReadOnlySpan<byte> path, SigningKeys keys, out LinkToken token)
    {
        token = default;
        if (path.Length < Length)
        {
            return TokenOutcome.NotAToken;
        }

        Span<byte> bytes = stackalloc byte[Size];
        var status = Base64Url.DecodeFromUtf8(path[^Length..], bytes, out _, out var written);
        if (status != System.Buffers.OperationStatus.Done || written != Size)
        {
            return TokenOutcome.NotAToken;
        }

        return Unpack(bytes, keys, out token);
    }

    private static TokenOutcome Unpack(ReadOnlySpan<byte> bytes, SigningKeys keys, out LinkToken token)
    {
        token = default;

        // bytes 0-2 cluster, 3-11 message, 12-19 link, then 80 bits: ordinal 14, MAC 60, slot 4, kind 2.
        var tailHigh = BinaryPrimitives.ReadUInt16BigEndian(bytes[20..]);
        var tailLow = BinaryPrimitives.ReadUInt64BigEndian(bytes[22..]);
        var mac = ((ulong)(tailHigh & 3) << 58) | (tailLow >> 6);
        var last = (int)(tailLow & 63);
        var candidate = new LinkToken(
            new ClusterId((bytes[0] << 16) | (bytes[1] << 8) | bytes[2]),
            MessageKey.Read(bytes[3..]),
            new LinkId(BinaryPrimitives.ReadUInt64BigEndian(bytes[12..])),
            tailHigh >> 2,
            (LinkKind)(last & 3));

        Span<byte> given = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(given, mac);

        // Nearly all tokens are of the first level. The time reveals the level and nothing of the MAC.
        for (var level = 0; level <= MaxLevel; level++)
        {
            candidate = candidate with { Level = level };
            if (candidate.IsSigned(keys, last, given))
            {
                token = candidate;
                return TokenOutcome.Valid;
            }
        }

        return TokenOutcome.Tampered;
    }

    // Every key of the slot is tried, and each comparison takes the same time, so the time reveals nothing about the
    // MAC.
    private bool IsSigned(SigningKeys keys, int last, ReadOnlySpan<byte> given)
    {
        Span<byte> expected = stackalloc byte[8];
        var valid = false;
        foreach (var key in keys.InSlot(last >> 2))
        {
            BinaryPrimitives.WriteUInt64BigEndian(expected, Mac(key, last));
            valid |= CryptographicOperations.FixedTimeEquals(expected, given);
        }

        return valid;
    }

    // Bytes 0 to 7 and 8 to 15 in network order: cluster, message and the first half of the link.
    private ulong First => ((ulong)(uint)Cluster.Value << 40) | (Message.High >> 24);

    private ulong Second => (Message.High << 40) | ((ulong)Message.Low << 32) | (Link.Value >> 32);

    // The MAC covers 23 bytes: cluster, message and link, two bytes of ordinal (high 14 bits) and level, one of slot
    // and kind.
    private ulong Mac(SigningKey key, int last)
    {
        var third = (Link.Value << 32) | ((ulong)(uint)Ordinal << 18) | ((ulong)(uint)Level << 16)
            | ((ulong)(uint)last << 8);
        return MacMask & key.Mac(
        [
            BinaryPrimitives.ReverseEndianness(First),
            BinaryPrimitives.ReverseEndianness(Second),
            BinaryPrimitives.ReverseEndianness(third) | ((ulong)SignedSize << 56),
        ]);
    }
}

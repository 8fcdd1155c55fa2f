using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Tracking.Links;

namespace Tracking.Dns;

/// <summary>
/// A DNS name: labels of 1 to 63 octets of any value, at most 255 octets in all (RFC 1035). Its text is lower case,
/// without the final dot. A dot or backslash inside a label, and octets that are no printable ASCII, are escaped as in
/// zone files (<c>\.</c>, <c>\032</c>). Two names are equal exactly when their texts are equal.
/// </summary>
public readonly record struct DnsName
{
    /// <summary>The most octets of a name on the wire, including the length octets and the root label.</summary>
    public const int MaxWireLength = 255;

    private const int MaxLabelLength = 63;
    private readonly string? _text;

    private DnsName(string text) => _text = text;

    /// <summary>The root, and the default value.</summary>
    public static DnsName Root => default;

    /// <summary>The name; empty for the root.</summary>
    public string Text => _text ?? "";

    /// <summary>Whether it is the root.</summary>
    public bool IsRoot => Text.Length == 0;

    /// <summary>The name without its first label. The root's parent is the root.</summary>
    public DnsName Parent
    {
        get
        {
            var dot = FirstDot(Text);
            return dot < 0 ? default : new DnsName(Text[(dot + 1)..]);
        }
    }

    /// <summary>The first label, escaped; empty for the root.</summary>
    public string FirstLabel
    {
        get
        {
            var dot = FirstDot(Text);
            return dot < 0 ? Text : Text[..dot];
        }
    }

    /// <summary>The DNS name of a host.</summary>
    public static DnsName From(HostName host) => new(host.Value);

    /// <summary>Reads the text form in any case, with or without the final dot.</summary>
    /// <returns><see langword="false"/> when the text is no name.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, out DnsName name)
    {
        name = default;
        if (text is null)
        {
            return false;
        }

        if (text is "" or ".")
        {
            return true;
        }

        Span<byte> wire = stackalloc byte[MaxWireLength];
        return TryEncode(text, wire, out var length) && TryDecode(wire[..length], out name);
    }

    /// <summary>Whether this name is below <paramref name="other"/>, that is, ends in it and is longer.</summary>
    public bool IsBelow(DnsName other)
    {
        for (var name = this; !name.IsRoot;)
        {
            name = name.Parent;
            if (name == other)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether this name is <paramref name="other"/> or below it.</summary>
    public bool IsAtOrBelow(DnsName other) => this == other || IsBelow(other);

    /// <summary>Joins two names: <c>track</c> and <c>example.com</c> become <c>track.example.com</c>.</summary>
    /// <returns><see langword="null"/> when the result would be too long.</returns>
    public DnsName? Before(DnsName other) =>
        IsRoot ? other : other.IsRoot ? this : TryParse($"{Text}.{other.Text}", out var name) ? name : null;

    /// <summary>The name's beginning, without <paramref name="ending"/>.</summary>
    /// <returns>Empty when both names are equal; <see langword="null"/> when the name does not end in
    /// <paramref name="ending"/>.</returns>
    public string? Without(DnsName ending) =>
        this == ending ? "" : !IsBelow(ending) ? null : ending.IsRoot ? Text : Text[..^(ending.Text.Length + 1)];

    /// <summary>Writes the name without compression.</summary>
    /// <returns>How many octets were written.</returns>
    internal int WriteTo(Span<byte> wire)
    {
        if (IsRoot)
        {
            wire[0] = 0;
            return 1;
        }

        return TryEncode(Text, wire, out var length)
            ? length
            : throw new ArgumentException("The name does not fit.", nameof(wire));
    }

    /// <summary>Reads a name in wire form, up to the root label.</summary>
    /// <param name="wire">All of the name, without compression, at most 255 octets.</param>
    /// <param name="name">The name.</param>
    internal static bool TryDecode(ReadOnlySpan<byte> wire, out DnsName name)
    {
        name = default;
        if (wire.Length > MaxWireLength)
        {
            return false;
        }

        var text = new StringBuilder(wire.Length);
        for (var position = 0; position < wire.Length;)
        {
            int length = wire[position++];
            if (length == 0)
            {
                // The root has one form, so that equal names compare as equal.
                name = text.Length == 0 ? default : new DnsName(text.ToString());
                return position == wire.Length;
            }

            if (length > MaxLabelLength || position + length > wire.Length)
            {
                return false;
            }

            if (text.Length > 0)
            {
                text.Append('.');
            }

            foreach (var octet in wire.Slice(position, length))
            {
                Append(text, octet);
            }

            position += length;
        }

        return false;
    }

    /// <inheritdoc/>
    public override string ToString() => IsRoot ? "." : Text;

    private static void Append(StringBuilder text, byte octet)
    {
        var character = (char)octet;
        if (character is '.' or '\\')
        {
            text.Append('\\').Append(character);
        }
        else if (character is > ' ' and < '\x7f')
        {
            text.Append(char.ToLowerInvariant(character));
        }
        else
        {
            text.Append('\\').Append(octet.ToString("D3", CultureInfo.InvariantCulture));
        }
    }

    private static bool TryEncode(string text, Span<byte> wire, out int length)
    {
        length = 0;
        var start = 0;
        var next = 1;
        for (var i = 0; i <= text.Length; i++)
        {
            if (i == text.Length || text[i] == '.')
            {
                var label = next - start - 1;
                if (label == 0)
                {
                    // No label may be empty. The final dot is allowed.
                    if (i != text.Length || i == 0)
                    {
                        return false;
                    }

                    break;
                }

                if (label > MaxLabelLength || next >= wire.Length)
                {
                    return false;
                }

                wire[start] = (byte)label;
                start = next++;
                continue;
            }

            if (!TryReadOctet(text, ref i, out var octet) || next >= wire.Length)
            {
                return false;
            }

            wire[next++] = octet;
        }

        if (start >= wire.Length)
        {
            return false;
        }

        wire[start] = 0;
        length = start + 1;
        return true;
    }

    private static bool TryReadOctet(string text, ref int i, out byte octet)
    {
        octet = 0;
        if (text[i] != '\\')
        {
            octet = text[i] < '\x80' ? (byte)char.ToLowerInvariant(text[i]) : (byte)0;
            return text[i] < '\x80';
        }

        if (i + 1 < text.Length && !char.IsAsciiDigit(text[i + 1]))
        {
            octet = (byte)text[++i];
            return text[i] < '\x80';
        }

        if (i + 3 >= text.Length
            || !byte.TryParse(text.AsSpan(i + 1, 3), NumberStyles.None, CultureInfo.InvariantCulture, out octet))
        {
            return false;
        }

        i += 3;
        return true;
    }

    private static int FirstDot(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\')
            {
                i++;
            }
            else if (text[i] == '.')
            {
                return i;
            }
        }

        return -1;
    }
}

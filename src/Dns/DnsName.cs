using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Tracking.Links;

namespace Tracking.Dns;

/// <summary>
/// A name as DNS has it: any octets in labels of 1 to 63, at most 255 octets in all (RFC 1035). Its text is lower case,
/// without the final dot; a dot or backslash inside a label, and whatever is no printable ASCII, is escaped as in zone
/// files (<c>\.</c>, <c>\032</c>). So two names are the same exactly when their texts are.
/// </summary>
public readonly record struct DnsName
{
    /// <summary>Octets that a name may have on the wire, lengths and the root's label among them.</summary>
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

    /// <summary>The name without its first label; the root's is the root.</summary>
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

    /// <summary>A host's name.</summary>
    public static DnsName From(HostName host) => new(host.Value);

    /// <summary>Reads the text form: any case, with or without the final dot.</summary>
    /// <returns><see langword="false"/> when it is no name.</returns>
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

    /// <summary>Whether it ends in <paramref name="other"/> with something before it.</summary>
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

    /// <summary>Whether it is <paramref name="other"/> or below it.</summary>
    public bool IsAtOrBelow(DnsName other) => this == other || IsBelow(other);

    /// <summary>Both in a row: <c>track</c> and <c>example.com</c> are <c>track.example.com</c>.</summary>
    /// <returns><see langword="null"/> when it would be too long.</returns>
    public DnsName? Before(DnsName other) =>
        IsRoot ? other : other.IsRoot ? this : TryParse($"{Text}.{other.Text}", out var name) ? name : null;

    /// <summary>The name's beginning, without <paramref name="ending"/>.</summary>
    /// <returns>Empty when it is the same name; <see langword="null"/> when it does not end so.</returns>
    public string? Without(DnsName ending) =>
        this == ending ? "" : !IsBelow(ending) ? null : ending.IsRoot ? Text : Text[..^(ending.Text.Length + 1)];

    /// <summary>Writes it without compression.</summary>
    /// <returns>The octets written.</returns>
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

    /// <summary>Reads labels in their wire form up to the root's.</summary>
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
                // The root has one form, so that names compare.
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
                    // Only the final dot may have nothing before it.
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

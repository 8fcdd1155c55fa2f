using System.Buffers;
using System.Text;

namespace Tracking.Links;

/// <summary>
/// The parameters <c>utm_source</c>, <c>utm_medium</c>, <c>utm_campaign</c>, <c>utm_content</c> and <c>utm_term</c>
/// that a destination gets for web statistics. A sender writes them as in a URL:
/// <c>utm_source=newsletter&amp;utm_medium=email</c>.
/// </summary>
public sealed class UtmParameters
{
    /// <summary>The longest value, in characters. Google Analytics takes 100 for each but the term.</summary>
    public const int MaxValueLength = 100;

    /// <summary>The longest text, in characters: five values of which each character is percent-encoded would not be
    /// written by hand.</summary>
    public const int MaxLength = 1000;

    /// <summary>What a text may be, for those whose text is refused.</summary>
    public const string Takes =
        "off, or parameters as in a URL, such as utm_source=newsletter&utm_medium=email: each of utm_source, "
        + "utm_medium, utm_campaign, utm_content and utm_term at most once, with up to 100 characters";

    private const string Off = "off";

    private static readonly string[] _names =
        ["utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"];

    // RFC 3986 unreserved, and the plus sign, which is a blank in a query.
    private static readonly SearchValues<byte> _plain = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+"u8);

    // By the order of the names: null says nothing, an empty value turns a parameter off.
    private readonly byte[]?[] _values;

    private UtmParameters(byte[]?[] values) => _values = values;

    /// <summary>No parameters, whatever others say.</summary>
    public static UtmParameters None { get; } = new([[], [], [], [], []]);

    /// <summary>Whether no parameter is added.</summary>
    public bool IsEmpty => Array.TrueForAll(_values, value => value is null or []);

    /// <summary>Reads parameters as a sender writes them. A value may be percent-encoded; what a query cannot contain
    /// is encoded. <c>utm_term=</c> turns a parameter off, and <c>off</c> all of them.</summary>
    /// <param name="text">The text.</param>
    /// <returns><see langword="null"/> for a text that is not <see cref="Takes"/>.</returns>
    public static UtmParameters? TryParse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var trimmed = text.AsSpan().Trim();
        if (trimmed.Equals(Off, StringComparison.OrdinalIgnoreCase))
        {
            return None;
        }

        if (trimmed.IsEmpty || trimmed.Length > MaxLength)
        {
            return null;
        }

        var values = new byte[]?[_names.Length];
        foreach (var range in trimmed.TrimStart('?').Split('&'))
        {
            var pair = trimmed.TrimStart('?')[range].Trim();
            var equals = pair.IndexOf('=');
            var place = equals < 0 ? -1 : Array.IndexOf(_names, pair[..equals].ToString().ToLowerInvariant());
            if (place < 0 || values[place] is not null || Encode(pair[(equals + 1)..]) is not { } value)
            {
                return null;
            }

            values[place] = value;
        }

        return new UtmParameters(values);
    }

    /// <summary>These parameters, and those of others about which these say nothing.</summary>
    public UtmParameters Over(UtmParameters? others) => others is null
        ? this
        : new UtmParameters([.. _values.Select((value, place) => value ?? others._values[place])]);

    /// <summary>Writes a destination with the parameters that it does not have, at the end of its query.</summary>
    /// <param name="url">A destination: printable ASCII.</param>
    /// <param name="output">Receives the URL, if the result is true.</param>
    /// <returns>Whether anything was added. Nothing is added to a URL that is signed, or that would become too
    /// long.</returns>
    public bool TryAdd(ReadOnlySpan<byte> url, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        if (SignedUrl.IsSigned(url))
        {
            return false;
        }

        var fragment = url.IndexOf((byte)'#');
        var head = fragment < 0 ? url : url[..fragment];
        var question = head.IndexOf((byte)'?');
        var query = question < 0 ? default : head[(question + 1)..];
        var length = url.Length;
        Span<bool> adds = stackalloc bool[_names.Length];
        for (var i = 0; i < _names.Length; i++)
        {
            adds[i] = _values[i] is { Length: > 0 } && !QueryNames.Has(url, _names[i]);
            length += adds[i] ? _names[i].Length + 2 + _values[i]!.Length : 0;
        }

        if (length == url.Length || length > DestinationPolicy.MaxLength)
        {
            return false;
        }

        output.Write(head);
        var separator = question < 0 ? "?"u8 : query.IsEmpty || query[^1] == '&' ? default : "&"u8;
        for (var i = 0; i < _names.Length; i++)
        {
            if (adds[i])
            {
                output.Write(separator);
                output.Write(Encoding.ASCII.GetBytes(_names[i]));
                output.Write("="u8);
                output.Write(_values[i]);
                separator = "&"u8;
            }
        }

        output.Write(url[head.Length..]);
        return true;
    }

    /// <summary>The parameters as text that <see cref="TryParse"/> reads.</summary>
    public override string ToString() => string.Join('&', _names
        .Zip(_values)
        .Where(pair => pair.Second is not null)
        .Select(pair => $"{pair.First}={Encoding.ASCII.GetString(pair.Second!)}"));

    private static byte[]? Encode(ReadOnlySpan<char> value)
    {
        if (value.Length > MaxValueLength)
        {
            return null;
        }

        var encoded = new ArrayBufferWriter<byte>(Math.Max(value.Length, 1));
        var bytes = Encoding.UTF8.GetBytes(value.ToString());
        Span<byte> hex = stackalloc byte[1];
        for (var i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] < ' ' || bytes[i] == 0x7f)
            {
                return null;
            }

            var isEscape = bytes[i] == '%' && i + 2 < bytes.Length
                && Convert.FromHexString(bytes.AsSpan(i + 1, 2), hex, out _, out _) == OperationStatus.Done;
            if (isEscape || _plain.Contains(bytes[i]))
            {
                encoded.Write(bytes.AsSpan(i, 1));
            }
            else
            {
                encoded.Write(Encoding.ASCII.GetBytes($"%{bytes[i]:X2}"));
            }
        }

        return encoded.WrittenSpan.ToArray();
    }
}

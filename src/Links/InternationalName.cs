using System.Globalization;
using System.Text;

namespace Tracking.Links;

/// <summary>
/// Domain names with letters outside ASCII. The whole of UTS #46 needs a table of mappings and normal forms that the
/// runtime has only together with ICU; instead, a repertoire in which a character is its own normal form once it is in
/// lower case (the letters registries sell), and everything outside it is not understood. The non-transitional
/// mapping, as browsers have it: ß and ς stay.
/// </summary>
internal static class InternationalName
{
    private static readonly IdnMapping Mapping = new() { AllowUnassigned = true };

    /// <summary>The name with A-labels, in lower case.</summary>
    /// <returns><see langword="null"/> when a character is outside the repertoire or a label is too long.</returns>
    public static string? ToAscii(string name)
    {
        var mapped = new StringBuilder(name.Length);
        foreach (var rune in name.EnumerateRunes())
        {
            // UTS #46 maps the ideographic full stops to a dot.
            if (rune.Value is 0x3002 or 0xff0e or 0xff61)
            {
                mapped.Append('.');
                continue;
            }

            // A soft hyphen is ignored by UTS #46.
            if (rune.Value == 0xad)
            {
                continue;
            }

            var lower = Rune.ToLowerInvariant(rune);
            if (!lower.IsAscii && !IsUnderstood(lower))
            {
                return null;
            }

            mapped.Append(lower);
        }

        var text = mapped.ToString();
        try
        {
            // The runtime refuses an empty label; a final dot is one only in appearance.
            return text.EndsWith('.') ? Mapping.GetAscii(text[..^1]) + "." : Mapping.GetAscii(text);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    /// <summary>A URL's host with its percent-encodings decoded.</summary>
    /// <returns><see langword="null"/> when that is not UTF-8.</returns>
    public static string? PercentDecode(ReadOnlySpan<byte> host)
    {
        var bytes = new byte[host.Length];
        var length = 0;
        for (var i = 0; i < host.Length; i++)
        {
            if (host[i] == '%' && i + 2 < host.Length
                && Convert.FromHexString(host.Slice(i + 1, 2), bytes.AsSpan(length), out _, out _)
                    == System.Buffers.OperationStatus.Done)
            {
                length++;
                i += 2;
            }
            else
            {
                bytes[length++] = host[i];
            }
        }

        var text = bytes.AsSpan(0, length);
        return System.Text.Unicode.Utf8.IsValid(text) ? Encoding.UTF8.GetString(text) : null;
    }

    private static bool IsUnderstood(Rune rune) => rune.Value switch
    {
        // Latin: without the letters that stand for two (ĳ ŀ ŉ ſ, dž and its kind), which have another normal form.
        >= 0xdf and <= 0xf6 or >= 0xf8 and <= 0x131 => true,
        >= 0x134 and <= 0x13e or >= 0x142 and <= 0x148 or >= 0x14a and <= 0x17e => true,
        >= 0x1cd and <= 0x1f0 or >= 0x1f4 and <= 0x24f or >= 0x1e00 and <= 0x1e95 or >= 0x1ea0 and <= 0x1eff => true,

        // Greek and Cyrillic.
        0x390 or >= 0x3ac and <= 0x3ce or >= 0x430 and <= 0x45f or >= 0x48b and <= 0x52f => true,

        // Armenian, Hebrew, Arabic letters and digits; Devanagari, Bengali, Tamil, Thai, Georgian.
        >= 0x561 and <= 0x586 or >= 0x5d0 and <= 0x5ea or >= 0x620 and <= 0x63f or >= 0x641 and <= 0x64a => true,
        >= 0x660 and <= 0x669 or >= 0x671 and <= 0x674 or >= 0x679 and <= 0x6d3 or >= 0x6f0 and <= 0x6f9 => true,
        >= 0x901 and <= 0x957 or >= 0x966 and <= 0x96f or >= 0xb85 and <= 0xbcd => true,
        >= 0xe01 and <= 0xe32 or >= 0xe34 and <= 0xe3a or >= 0xe40 and <= 0xe4e or >= 0x10d0 and <= 0x10f0 => true,

        // Kana, ideographs, Hangul syllables.
        >= 0x3041 and <= 0x3096 or >= 0x30a1 and <= 0x30fa or 0x30fc or 0x3005 or 0x3007 => true,
        >= 0x3400 and <= 0x4dbf or >= 0x4e00 and <= 0x9fff or >= 0xac00 and <= 0xd7a3 => true,
        >= 0x20000 and <= 0x2a6df => true,
        _ => false,
    };
}

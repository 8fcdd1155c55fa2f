using System.Runtime.InteropServices;
using System.Text;
using Tracking.Links.International;

namespace Tracking.Links;

/// <summary>
/// Domain names with letters outside ASCII, and A-labels, as browsers read them: "domain to ASCII" of the WHATWG URL
/// standard, which is the non-transitional processing of UTS #46. A name is mapped, composed (NFC) and divided into
/// labels. Each label is checked and written in Punycode. The table leaves out characters about which current browsers
/// disagree, so such names are invalid.
/// </summary>
internal static class InternationalName
{
    // The limits of DNS for labels and names (RFC 1035). Browsers accept longer ones and then find no host.
    private const int MaxLabelLength = 63;

    // Removed characters count in the given length. Real names do not have four of them for each character that stays.
    private const int MaxLength = 4 * HostName.MaxLength;

    /// <summary>Whether a name has an A-label, valid or not. Browsers do not treat such a name as plain
    /// ASCII.</summary>
    public static bool HasALabel(ReadOnlySpan<char> name)
    {
        for (var from = 0; name[from..].IndexOf("--") is >= 0 and var hyphens; from += hyphens + 1)
        {
            var start = from + hyphens - 2;
            if (start >= 0 && (start == 0 || name[start - 1] == '.')
                && name[start] is 'x' or 'X' && name[start + 1] is 'n' or 'N')
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The name with A-labels, in lower case. Empty labels and a final dot stay.</summary>
    /// <returns><see langword="null"/> when browsers reject the name, when browsers disagree about it, or when a label
    /// is too long for DNS. ASCII characters that URL parsers forbid are not checked.</returns>
    public static string? ToAscii(string name)
    {
        if (name.Length > MaxLength || Map(name) is not { } mapped)
        {
            return null;
        }

        ComposeText.Compose(mapped);
        if (Divide(mapped) is not { } labels)
        {
            return null;
        }

        var isBidiDomain = labels.Exists(label => CheckLabel.IsRightToLeft(label));
        var ascii = new StringBuilder(name.Length + 16);
        foreach (var label in labels)
        {
            if (!CheckLabel.IsValid(label, isBidiDomain))
            {
                return null;
            }

            var start = ascii.Length;
            AppendAscii(label, ascii);
            if (ascii.Length - start > MaxLabelLength)
            {
                return null;
            }

            ascii.Append('.');
        }

        return ascii.Length == 1 ? null : ascii.ToString(0, ascii.Length - 1);
    }

    /// <summary>A name of valid A-labels in the form for people.</summary>
    public static string ToUnicode(string name)
    {
        var text = new StringBuilder(name.Length);
        foreach (var label in name.Split('.'))
        {
            var decoded = new List<int>(label.Length);
            var isALabel = label.StartsWith("xn--", StringComparison.Ordinal)
                && Punycode.TryDecode(Array.ConvertAll(label[4..].ToCharArray(), c => (int)c), decoded);
            if (text.Length > 0)
            {
                text.Append('.');
            }

            if (!isALabel)
            {
                text.Append(label);
                continue;
            }

            foreach (var character in decoded)
            {
                text.Append(new Rune(character));
            }
        }

        return text.ToString();
    }

    /// <summary>A URL's host with its percent-encodings decoded.</summary>
    /// <returns><see langword="null"/> when the decoded host is not UTF-8.</returns>
    public static string? PercentDecode(ReadOnlySpan<byte> host)
    {
        var bytes = new byte[host.Length];
        var text = bytes.AsSpan(0, PercentEncoding.Decode(host, bytes));
        return System.Text.Unicode.Utf8.IsValid(text) ? Encoding.UTF8.GetString(text) : null;
    }

    private static List<int>? Map(string name)
    {
        var mapped = new List<int>(name.Length + 16);
        foreach (var rune in name.EnumerateRunes())
        {
            switch (CharacterTable.Of(rune.Value).Status)
            {
                case CharacterStatus.Valid:
                    mapped.Add(rune.Value);
                    break;
                case CharacterStatus.Mapped:
                    foreach (var replacement in CharacterTable.Mapping(rune.Value).EnumerateRunes())
                    {
                        mapped.Add(replacement.Value);
                    }

                    break;
                case CharacterStatus.Ignored:
                    break;
                default:
                    return null;
            }
        }

        return mapped;
    }

    // Returns the labels with A-labels decoded. A decoded A-label must contain non-ASCII characters and be in its
    // normal form.
    private static List<int[]>? Divide(List<int> name)
    {
        var labels = new List<int[]>();
        var rest = CollectionsMarshal.AsSpan(name);
        while (true)
        {
            var dot = rest.IndexOf('.');
            var label = dot < 0 ? rest : rest[..dot];
            if (label.Length > MaxLabelLength)
            {
                return null;
            }

            if (CheckLabel.StartsLikeALabel(label))
            {
                var decoded = new List<int>(label.Length);
                if (label.ContainsAnyExceptInRange(0, 0x7f) || !Punycode.TryDecode(label[4..], decoded))
                {
                    return null;
                }

                label = CollectionsMarshal.AsSpan(decoded);
                if (!label.ContainsAnyExceptInRange(0, 0x7f) || !ComposeText.IsComposed(label))
                {
                    return null;
                }
            }

            labels.Add(label.ToArray());
            if (dot < 0)
            {
                return labels;
            }

            rest = rest[(dot + 1)..];
        }
    }

    private static void AppendAscii(ReadOnlySpan<int> label, StringBuilder ascii)
    {
        if (label.ContainsAnyExceptInRange(0, 0x7f))
        {
            ascii.Append("xn--");
            Punycode.Encode(label, ascii);
            return;
        }

        foreach (var character in label)
        {
            ascii.Append((char)character);
        }
    }
}

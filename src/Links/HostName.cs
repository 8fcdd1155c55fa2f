using System.Diagnostics.CodeAnalysis;

namespace Tracking.Links;

/// <summary>
/// A host name in its comparable form: A-labels (RFC 5890), lower case, no trailing dot, at most 253 octets with labels
/// of 1 to 63 letters, digits, hyphens and underscores. It is never an IP address: every URL parser reads a name whose
/// last label is a number as an address.
/// </summary>
public readonly record struct HostName
{
    /// <summary>The most octets of a name (RFC 1035, without the root's dot).</summary>
    public const int MaxLength = 253;

    private const int MaxLabelLength = 63;
    private readonly string? _value;

    private HostName(string value) => _value = value;

    /// <summary>The name; empty for the default value.</summary>
    public string Value => _value ?? "";

    /// <summary>Reads a name that a person wrote: in any case, with U-labels (composed or not, full width, as browsers
    /// read them) or A-labels, with or without a final dot.</summary>
    /// <returns><see langword="false"/> for a text that is not a host name.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, out HostName name)
    {
        name = default;
        if (string.IsNullOrEmpty(text) || text.Length > 4 * MaxLength)
        {
            return false;
        }

        var ascii = System.Text.Ascii.IsValid(text) && !InternationalName.HasALabel(text)
            ? text.ToLowerInvariant()
            : InternationalName.ToAscii(text);
        if (ascii is null)
        {
            return false;
        }

        if (ascii.EndsWith('.'))
        {
            ascii = ascii[..^1];
        }

        if (!IsNormal(ascii))
        {
            return false;
        }

        name = new HostName(ascii);
        return true;
    }

    /// <summary>The name in the form for people, with U-labels.</summary>
    public string ToUnicode() =>
        Value.Contains("xn--", StringComparison.Ordinal) ? InternationalName.ToUnicode(Value) : Value;

    /// <summary>Whether <paramref name="pattern"/> includes this name: the same name, or <c>*.</c> before a parent of
    /// the name. <c>*.example.com</c> does not include <c>example.com</c> itself.</summary>
    public bool Matches(string pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        return pattern.StartsWith("*.", StringComparison.Ordinal)
            ? TryParse(pattern[2..], out var parent) && IsBelow(parent)
            : TryParse(pattern, out var same) && same == this;
    }

    /// <summary>Whether the name is below <paramref name="parent"/>, with at least one label more.</summary>
    public bool IsBelow(HostName parent) =>
        Value.Length > parent.Value.Length + 1
        && Value.EndsWith(parent.Value, StringComparison.Ordinal)
        && Value[^(parent.Value.Length + 1)] == '.';

    /// <summary>The name.</summary>
    public override string ToString() => Value;

    private static bool IsNormal(string name)
    {
        if (name.Length is 0 or > MaxLength)
        {
            return false;
        }

        var labelStart = 0;
        for (var i = 0; i <= name.Length; i++)
        {
            if (i < name.Length && name[i] != '.')
            {
                if (!char.IsAsciiLetterLower(name[i]) && !char.IsAsciiDigit(name[i]) && name[i] is not ('-' or '_'))
                {
                    return false;
                }

                continue;
            }

            if (i == labelStart || i - labelStart > MaxLabelLength || name[labelStart] == '-' || name[i - 1] == '-')
            {
                return false;
            }

            labelStart = i + 1;
        }

        return !Ipv4Host.EndsInNumber(name);
    }
}

using Tracking.Dns;

namespace Tracking.DomainVerifier.Verification;

/// <summary>The fault in a record's value.</summary>
internal enum ValueMistake : byte
{
    /// <summary>The value is another name.</summary>
    OtherName,

    /// <summary>The value was entered as a URL.</summary>
    Scheme,

    /// <summary>The provider's form appended the zone to the value.</summary>
    ZoneAppended,
}

/// <summary>Recognises the right value in a wrongly entered one.</summary>
internal static class ReadValue
{
    // Forms store "https://v-abc.t.example/" unchanged, escaped, percent-encoded, or with dots in place of refused
    // characters.
    private static readonly string[] _ofUrls = ["/", "%2f", "%3a", "\\058", "\\047"];

    /// <summary>Compares a record's value with the wanted one.</summary>
    /// <param name="value">The record's value.</param>
    /// <param name="target">The wanted value.</param>
    /// <param name="zone">The record's zone; <see langword="null"/> when it is not known.</param>
    public static ValueMistake Of(DnsName value, DnsName target, DnsName? zone)
    {
        var isUrl = Array.Exists(_ofUrls, sign => value.Text.Contains(sign, StringComparison.Ordinal))
            || value.FirstLabel is "http" or "https" or "http:" or "https:";
        if (isUrl && value.Text.Contains(target.FirstLabel, StringComparison.Ordinal))
        {
            return ValueMistake.Scheme;
        }

        // The value is the whole target or its first label, followed by the record's zone or a parent of it.
        if (zone is { } appended)
        {
            for (var ending = appended; !ending.IsRoot; ending = ending.Parent)
            {
                var entered = value.Without(ending);
                if (entered is not null && (entered == target.Text || entered == target.FirstLabel))
                {
                    return ValueMistake.ZoneAppended;
                }
            }
        }

        return ValueMistake.OtherName;
    }
}

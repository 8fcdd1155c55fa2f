using Tracking.Dns;

namespace Tracking.DomainVerifier.Verification;

/// <summary>What went wrong with a record's value.</summary>
internal enum ValueMistake : byte
{
    /// <summary>It is another name.</summary>
    OtherName,

    /// <summary>It was entered as a URL.</summary>
    Scheme,

    /// <summary>The zone was appended to it.</summary>
    ZoneAppended,
}

/// <summary>Recognises in a wrong value the right one that somebody entered.</summary>
internal static class ReadValue
{
    // As forms store it: "https://v-abc.t.example/" as it is, escaped, percent-encoded, or with dots for what they
    // refuse.
    private static readonly string[] _ofUrls = ["/", "%2f", "%3a", "\\058", "\\047"];

    /// <summary>Compares a value with the one that was wanted.</summary>
    /// <param name="value">What the record has.</param>
    /// <param name="target">What it should have.</param>
    /// <param name="zone">The record's zone; <see langword="null"/> when it is not known.</param>
    public static ValueMistake Of(DnsName value, DnsName target, DnsName? zone)
    {
        var isUrl = Array.Exists(_ofUrls, sign => value.Text.Contains(sign, StringComparison.Ordinal))
            || value.FirstLabel is "http" or "https" or "http:" or "https:";
        if (isUrl && value.Text.Contains(target.FirstLabel, StringComparison.Ordinal))
        {
            return ValueMistake.Scheme;
        }

        // The whole target, or its first label alone, and then the record's zone or one above it.
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

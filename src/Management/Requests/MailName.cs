using Tracking.Links;

namespace Tracking.Management.Requests;

/// <summary>Reads domain names and mail addresses as an admin types them.</summary>
internal static class MailName
{
    /// <summary>A domain of at least two labels, as A-labels in lower case and without a trailing dot. Names with
    /// underscores are refused: they name DNS records, not domains for mail.</summary>
    /// <returns><see langword="null"/> if the text is no such domain.</returns>
    public static string? Domain(string text) =>
        HostName.TryParse(text.Trim(), out var name)
        && name.Value.Contains('.', StringComparison.Ordinal)
        && !name.Value.Contains('_', StringComparison.Ordinal)
            ? name.Value
            : null;

    /// <summary>A domain, or <c>*.</c> and a domain.</summary>
    public static string? DomainPattern(string text)
    {
        const string Wildcard = "*.";
        var trimmed = text.Trim();
        return trimmed.StartsWith(Wildcard, StringComparison.Ordinal)
            ? Domain(trimmed[Wildcard.Length..]) is { } domain ? Wildcard + domain : null
            : Domain(trimmed);
    }

    /// <summary>A mail address: a local part, @, a domain. Only a mail can show whether the address exists.</summary>
    public static string? Address(string text)
    {
        var address = text.Trim();
        var at = address.LastIndexOf('@');
        // RFC 5321 4.5.3.1: 64 octets before the @, 254 in all (with the angle brackets of a path, 256).
        return address.Length <= 254
            && at is >= 1 and <= 64
            && !address.Any(c => char.IsControl(c) || char.IsWhiteSpace(c) || c is '<' or '>' or ',')
            && Domain(address[(at + 1)..]) is not null
                ? address
                : null;
    }
}

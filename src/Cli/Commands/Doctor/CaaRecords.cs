using DnsClient.Protocol;

namespace Tracking.Cli.Commands.Doctor;

/// <summary>CAA records of a name, read as an authority reads them for a name without a wildcard (RFC 8659, RFC
/// 8657).</summary>
internal sealed class CaaRecords(IReadOnlyList<CaaRecord> records)
{
    private const int Critical = 128;

    private static readonly string[] _knownTags =
        ["issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"];

    // The validation methods of this product.
    private static readonly string[] _methods = ["http-01", "tls-alpn-01"];

    /// <summary>Whether the name has no CAA record.</summary>
    public bool IsEmpty => records.Count == 0;

    /// <summary>Why an authority may not issue.</summary>
    /// <param name="identities">The authority's names in CAA records.</param>
    /// <returns><see langword="null"/> if it may. A record for one account (<c>accounturi</c>) counts as permission,
    /// because only the database knows which account is ours.</returns>
    public string? WhyNot(IReadOnlyList<string> identities)
    {
        if (records.FirstOrDefault(record => (record.Flags & Critical) != 0 && !IsKnown(record.Tag)) is { } unknown)
        {
            return $"the tag {unknown.Tag} is marked critical, and nobody knows it";
        }

        var issues = records.Where(record => record.Tag.Equals("issue", StringComparison.OrdinalIgnoreCase)).ToList();
        var ours = issues.Where(record => identities.Contains(
            record.Value.Split(';')[0].Trim().TrimEnd('.'), StringComparer.OrdinalIgnoreCase)).ToList();
        return issues.Count == 0 || ours.Exists(AllowsOurMethods) ? null
            : ours.Count > 0 ? "it is allowed other ways of validation only"
            : "other authorities only";
    }

    /// <inheritdoc/>
    public override string ToString() => string.Join(", ", records.Select(record =>
        $"CAA {record.Flags} {record.Tag} \"{record.Value}\""));

    private static bool IsKnown(string tag) => _knownTags.Contains(tag, StringComparer.OrdinalIgnoreCase);

    private static bool AllowsOurMethods(CaaRecord record)
    {
        var methods = record.Value.Split(';').Skip(1).Select(part => part.Trim().Split('=', 2))
            .FirstOrDefault(part => part is [var name, _]
                && name.Trim().Equals("validationmethods", StringComparison.OrdinalIgnoreCase));
        return methods is null
            || methods[1].Split(',').Any(method => _methods.Contains(method.Trim(), StringComparer.Ordinal));
    }
}

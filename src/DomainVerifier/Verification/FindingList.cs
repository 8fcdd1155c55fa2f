using System.Globalization;
using Tracking.Domains;

namespace Tracking.DomainVerifier.Verification;

/// <summary>The findings of a check so far, and the facts that findings share.</summary>
internal sealed class FindingList(Check check)
{
    private readonly List<DomainFinding> _findings = [];

    /// <summary>The DNS provider.</summary>
    public DnsProvider? Provider => check.Zone is { } zone ? DnsProvider.Of(zone.AllNames) : null;

    /// <summary>The text for the field "name" of the provider's form. Most forms append the zone.</summary>
    public string NameToEnter =>
        check.Zone is { } zone && check.Host.Without(zone.Zone) is { } name
            ? name.Length == 0 ? "@" : name
            : check.Host.Text;

    /// <summary>The text for the field "value" of the provider's form.</summary>
    public string ValueToEnter => check.Target.Text + (Provider is { EndsValueWithDot: true } ? "." : "");

    /// <summary>The wanted record.</summary>
    public string Expected => $"CNAME {check.Target}";

    /// <summary>The instruction for entering the record.</summary>
    public string Enter
    {
        get
        {
            if (check.Zone is { } own && own.Zone == check.Host)
            {
                return $"{check.Host} is a zone of its own, and a zone's name cannot have a CNAME record. "
                    + "Use a name below it, or have it served by the zone above.";
            }

            var where = (Provider, check.Zone) switch
            {
                ({ } provider, { } zone) => $"At {provider.Name}, in the zone {zone.Zone}, ",
                (null, { } zone) => $"In the zone {zone.Zone}, ",
                _ => "At your DNS provider, ",
            };
            return $"{where}enter a record of the type CNAME with the name {NameToEnter} and the value {ValueToEnter}.";
        }
    }

    /// <summary>Whether a finding with this code exists.</summary>
    public bool Has(FindingCode code) => _findings.Exists(finding => finding.Code == code);

    /// <summary>Adds a finding, unless the same finding exists.</summary>
    public void Add(
        FindingCode code, FindingSeverity severity, string text, string? seen = null, string? server = null,
        string? nextStep = null, TimeSpan? remembered = null, string? expected = null, DateTimeOffset? at = null)
    {
        var when = at ?? check.At;
        if (_findings.Exists(finding => finding.Code == code && finding.Text == text))
        {
            return;
        }

        _findings.Add(new DomainFinding
        {
            Code = code,
            Severity = severity,
            Text = text,
            Expected = expected ?? (seen is null || check.TargetName is null ? null : Expected),
            Seen = seen is null ? null : Check.Short(seen),
            Server = server,
            At = when,
            RememberedUntil = remembered is { } span ? when + span : null,
            NextStep = nextStep,
        });
    }

    /// <summary>The findings, the most severe first. Equal ones keep their order.</summary>
    public IReadOnlyList<DomainFinding> Sorted() =>
        [.. _findings.OrderByDescending(finding => finding.Severity)];

    /// <summary>A time of day, with the date if it is another day.</summary>
    public static string Clock(DateTimeOffset time, DateTimeOffset now) => time.UtcDateTime.ToString(
        time - now < TimeSpan.FromHours(20) ? "HH:mm 'UTC'" : "d MMMM, HH:mm 'UTC'", CultureInfo.InvariantCulture);
}

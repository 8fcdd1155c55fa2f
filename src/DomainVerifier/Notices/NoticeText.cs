using System.Globalization;
using Tracking.Database.Entities;
using Tracking.Domains;
using Tracking.Links;

namespace Tracking.DomainVerifier.Notices;

/// <summary>Writes the text of a notice: what happened, what DNS says, which record to publish, and until
/// when.</summary>
internal sealed class NoticeText
{
    private readonly ClaimedNotice _notice;
    private readonly string _host;
    private readonly NoticeBody _body;

    private NoticeText(ClaimedNotice notice, NoticeBody body)
    {
        (_notice, _body) = (notice, body);
        _host = Shown(notice.Hostname);
    }

    /// <summary>Writes the text.</summary>
    /// <param name="notice">The notice.</param>
    /// <param name="consoleUrl">The console's address; <see langword="null"/> for no link.</param>
    /// <returns>The subject and the body.</returns>
    public static (string Subject, NoticeBody Body) Write(ClaimedNotice notice, Uri? consoleUrl)
    {
        var body = new NoticeBody();
        var subject = new NoticeText(notice, body).WriteKind();
        if (consoleUrl is not null)
        {
            var console = consoleUrl.AbsoluteUri.TrimEnd('/');
            body.Link(
                "The tracking domain in the console:",
                $"{console}/clusters/{notice.Cluster}/tracking-domains/{notice.Hostname}");
        }

        body.Small($"You get this mail because your address is among those that cluster {notice.ClusterName} "
            + "wants notices sent to.");
        return (subject, body);
    }

    private string WriteKind() => (_notice.Kind, _notice.Facts) switch
    {
        (NoticeKind.Warning, var facts) => WriteWarning(facts),
        (NoticeKind.Lost, { Reason: NoticeFacts.TakenOver } facts) => WriteTakenOver(facts),
        (NoticeKind.Lost, var facts) => WriteLost(facts),
        (NoticeKind.Recovered, { WasPending: true }) => WriteVerifiedAgain(),
        (NoticeKind.Recovered, _) => WriteRecovered(),
        (NoticeKind.HttpsForced, var facts) => WriteHttpsForced(facts),
        (_, var facts) => WriteCertificate(facts),
    };

    private string WriteWarning(NoticeFacts facts)
    {
        var stop = facts.LosesLinksAt is { } at ? $"after {Moment(at)}" : "after the next check";
        _body.Paragraph($"The DNS record of {_host} no longer leads here. This is what the check of "
            + $"{Moment(_notice.At)} found.");
        _body.Paragraph($"Links on {_host} still work. They stop {stop} if the next check finds the same, also those "
            + "in mail that has been sent already.");
        WriteDiagnosis(facts.Diagnosis);
        WriteRecord(facts.Diagnosis);
        return $"{_host}: DNS record wrong, links stop {stop}";
    }

    private string WriteLost(NoticeFacts facts)
    {
        _body.Paragraph($"Two checks, a day apart, found that the DNS record of {_host} no longer leads here. Links on "
            + $"{_host} stopped working on {Moment(_notice.At)}, also those in mail that has been sent already.");
        _body.Paragraph("New mail does not use the name. If it was the default of its cluster, it is no longer.");
        WriteDiagnosis(facts.Diagnosis);
        WriteRecord(facts.Diagnosis);
        _body.Paragraph("As soon as the record is right, links work again. We look for it often at first and then "
            + "daily for two weeks; \"Verify now\" in the console looks at once.");
        return $"{_host}: links have stopped, DNS record wrong";
    }

    private string WriteTakenOver(NoticeFacts facts)
    {
        _body.Paragraph($"The DNS record of {_host} leads to the verification target of another cluster, which has "
            + $"verified the name. A record leads to one target only: links of this cluster on {_host} stopped working "
            + $"on {Moment(_notice.At)}, also those in mail that has been sent already.");
        _body.Paragraph("If this is what you wanted, there is nothing to do. If it is not, somebody who may change "
            + "your DNS zone has changed the record: put it back.");
        WriteDiagnosis(facts.Diagnosis);
        WriteRecord(facts.Diagnosis);
        return $"{_host}: links have stopped, another cluster has the name";
    }

    private string WriteRecovered()
    {
        _body.Paragraph($"The DNS record of {_host} leads here again, as the check of {Moment(_notice.At)} found. "
            + "The warning is over: links have worked all the time and go on working.");
        _body.Paragraph("There is nothing to do.");
        return $"{_host}: DNS record right again";
    }

    private string WriteVerifiedAgain()
    {
        _body.Paragraph($"The DNS record of {_host} leads here again, as the check of {Moment(_notice.At)} found. "
            + "Links on it work again, also those in mail that was sent before.");
        _body.Paragraph("If it was the default of its cluster before, set it as the default again: that is not done by "
            + "itself.");
        return $"{_host}: verified again, links work";
    }

    private string WriteHttpsForced(NoticeFacts facts)
    {
        _body.Paragraph($"The check of {Moment(_notice.At)} found that browsers are told to open {_host} by https "
            + $"alone, and {_host} has no certificate. Mail that was sent while https was optional has links on it that "
            + "begin with http. Browsers that know of the demand refuse them.");
        _body.Paragraph($"These links work again as soon as {_host} has a certificate, because browsers then open them "
            + "by https. Until then no new link uses the name.");
        WriteDiagnosis(facts.Diagnosis);
        return $"{_host}: a parent domain demands https, old http links fail";
    }

    private string WriteCertificate(NoticeFacts facts)
    {
        var until = facts.NotAfter is { } end ? $" until {Moment(end)}" : " for a short time only";
        _body.Paragraph($"The certificate of {_host} is valid{until}, and getting a new one has failed so far. After "
            + $"that browsers refuse links on {_host}, also those in mail that has been sent already.");
        if (facts.Error is { Length: > 0 } error)
        {
            _body.Heading("What the last attempt failed of");
            _body.Paragraph(error);
        }

        if (facts.NextAttempt is { } next)
        {
            _body.Paragraph($"The next attempt is on {Moment(next)}.");
        }

        WriteDiagnosis(facts.Diagnosis);
        return $"{_host}: certificate could not be renewed, valid{until}";
    }

    private void WriteDiagnosis(DomainDiagnosis? diagnosis)
    {
        if (diagnosis is not { Findings.Count: > 0 })
        {
            return;
        }

        _body.Heading("What DNS says");
        foreach (var finding in diagnosis.Findings)
        {
            var seen = finding.Seen is { Length: > 0 } answer
                ? $" Seen: {answer}{(finding.Server is { Length: > 0 } server ? $", by {server}" : "")}."
                : "";
            var remembered = finding.RememberedUntil is { } until
                ? $" Others may remember this until {Moment(until)}."
                : "";
            _body.Bullet($"{finding.Text}{seen}{remembered}{(finding.NextStep is { } step ? $" {step}" : "")}");
        }
    }

    private void WriteRecord(DomainDiagnosis? diagnosis)
    {
        if (diagnosis?.ValueToEnter is not { } value)
        {
            return;
        }

        _body.Heading(diagnosis.Zone is { Length: > 0 } zone
            ? $"The record that must stand in the zone {zone.TrimEnd('.')}"
            : "The record that must be there");
        _body.Table(("Type", "CNAME"), ("Name", diagnosis.NameToEnter), ("Value", value));
    }

    private static string Shown(string hostname) =>
        HostName.TryParse(hostname, out var host) && host.ToUnicode() is var unicode && unicode != hostname
            ? $"{unicode} ({hostname})"
            : hostname;

    // Times are in UTC, in a form for readers of any country, because the mail is compared with logs.
    private static string Moment(DateTimeOffset at) =>
        at.UtcDateTime.ToString("d MMMM yyyy, HH:mm 'UTC'", CultureInfo.InvariantCulture);
}

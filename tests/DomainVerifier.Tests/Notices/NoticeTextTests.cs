using System.Runtime.CompilerServices;
using Tracking.Database.Entities;
using Tracking.Domains;
using Tracking.DomainVerifier.Notices;
using Tracking.Links;

namespace Tracking.DomainVerifier.Tests.Notices;

/// <summary>Every notice as a recipient gets it: <c>Golden/*.txt</c> and <c>.html</c>. <c>TRACKING_UPDATE_DOCS=1</c>
/// writes them.</summary>
public sealed class NoticeTextTests
{
    private static readonly DateTimeOffset _at = new(2026, 3, 14, 9, 26, 53, TimeSpan.Zero);
    private static readonly Uri _console = new("https://tracking.example.net/");

    public static TheoryData<string> Kinds =>
        ["warning", "lost", "taken-over", "recovered", "verified-again", "certificate-in-danger", "https-forced"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_notice_says_what_its_golden_file_says(string kind)
    {
        var (subject, body) = NoticeText.Write(Make(kind), _console);
        await CompareAsync($"{kind}.txt", $"Subject: {subject}\n\n{body.Text}");
        await CompareAsync($"{kind}.html", body.Html);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_subject_names_the_domain_and_fits_into_a_line(string kind)
    {
        var (subject, body) = NoticeText.Write(Make(kind), _console);
        Assert.StartsWith("track.example.com: ", subject, StringComparison.Ordinal);
        Assert.InRange(subject.Length, 20, 100);
        Assert.All(
            body.Text.Split('\n').Where(line => line.Contains(' ', StringComparison.Ordinal) && line[0] != ' '),
            line => Assert.InRange(line.Length, 1, 76));
    }

    [Fact]
    public void Other_peoples_words_make_no_lines_and_no_markup()
    {
        var notice = Make("warning") with
        {
            ClusterName = "<b>Shop</b>\r\nBcc: x@example.com\u202e",
            Facts = new NoticeFacts { Domain = Guid.Empty, Diagnosis = Diagnosis("<script>\n\u2028evil") },
        };
        var (_, body) = NoticeText.Write(notice, _console);

        Assert.DoesNotContain("\nBcc", body.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("\u202e", body.Text + body.Html, StringComparison.Ordinal);
        Assert.DoesNotContain("\r", body.Text + body.Html, StringComparison.Ordinal);
        Assert.DoesNotContain("<script>", body.Html, StringComparison.Ordinal);
        Assert.DoesNotContain("<b>", body.Html, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_in_another_script_is_shown_in_both_forms() => Assert.StartsWith(
        "klick.käse.example (klick.xn--kse-qla.example): ",
        NoticeText.Write(Make("warning") with { Hostname = "klick.xn--kse-qla.example" }, null).Subject,
        StringComparison.Ordinal);

    [Fact]
    public void The_same_notice_is_the_same_mail_each_time()
    {
        var options = new NoticeOptions { From = "Tracking <noreply@tracking.example.net>" };
        Assert.Equal(Bytes(), Bytes());

        byte[] Bytes()
        {
            using var mail = WriteMail.For(Make("lost"), "ann@example.com", options);
            using var bytes = new MemoryStream();
            mail.WriteTo(bytes);
            return bytes.ToArray();
        }
    }

    private static ClaimedNotice Make(string kind) => new()
    {
        Id = new Guid("019ceb8e-0000-7000-8000-000000000001"),
        Cluster = new ClusterId(1234567),
        ClusterName = "Shop",
        Hostname = "track.example.com",
        At = _at,
        Kind = kind switch
        {
            "warning" => NoticeKind.Warning,
            "lost" or "taken-over" => NoticeKind.Lost,
            "certificate-in-danger" => NoticeKind.CertificateInDanger,
            "https-forced" => NoticeKind.HttpsForced,
            _ => NoticeKind.Recovered,
        },
        Facts = new NoticeFacts
        {
            Domain = Guid.Empty,
            Reason = kind switch
            {
                "lost" => NoticeFacts.RecordGone,
                "taken-over" => NoticeFacts.TakenOver,
                _ => null,
            },
            LosesLinksAt = kind == "warning" ? _at.AddDays(1) : null,
            WasPending = kind switch { "recovered" => false, "verified-again" => true, _ => null },
            NotAfter = kind == "certificate-in-danger" ? _at.AddDays(3) : null,
            Error = kind == "certificate-in-danger"
                ? "urn:ietf:params:acme:error:caa: CAA record for example.com prevents issuance"
                : null,
            NextAttempt = kind == "certificate-in-danger" ? _at.AddHours(6) : null,
            Diagnosis = kind == "certificate-in-danger" ? null : Diagnosis("CNAME shops.example.org"),
        },
    };

    private static DomainDiagnosis Diagnosis(string seen) => new()
    {
        Host = Name("track.example.com"),
        Target = Name("v-0123456789abcdef.track.example.net"),
        Outcome = DiagnosisOutcome.Contradicted,
        At = _at,
        Findings =
        [
            new DomainFinding
            {
                Code = FindingCode.OtherTarget,
                Severity = FindingSeverity.Error,
                Text = "The record leads to another name.",
                Expected = "v-0123456789abcdef.track.example.net",
                Seen = seen,
                Server = "ns1.example.com (192.0.2.1)",
                At = _at,
                RememberedUntil = _at.AddHours(1),
                NextStep = "Change the value of the record.",
            },
            new DomainFinding
            {
                Code = FindingCode.LameServer, Severity = FindingSeverity.Warning,
                Text = "One name server knows nothing of the zone.", At = _at,
            },
        ],
        Hops = [],
        Zone = "example.com.",
        NameToEnter = "track",
        ValueToEnter = "v-0123456789abcdef.track.example.net",
        Queries = 9,
    };

    private static HostName Name(string text) =>
        HostName.TryParse(text, out var name) ? name : throw new ArgumentException(text);

    private static async Task CompareAsync(string name, string text)
    {
        var file = Path.Combine(Folder(), name);
        if (Environment.GetEnvironmentVariable("TRACKING_UPDATE_DOCS") == "1")
        {
            Directory.CreateDirectory(Folder());
            await File.WriteAllTextAsync(file, text, TestContext.Current.CancellationToken);
            return;
        }

        Assert.Equal(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken), text);
    }

    private static string Folder([CallerFilePath] string thisFile = "") =>
        Path.Combine(Path.GetDirectoryName(thisFile)!, "Golden");
}

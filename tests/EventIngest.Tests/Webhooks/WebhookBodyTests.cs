using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.EventIngest.Bots;
using Tracking.EventIngest.Review;
using Tracking.EventIngest.Webhooks;
using Tracking.Links;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Tests.Webhooks;

/// <summary>Compares bodies with <c>Golden/*.json</c>. docs/webhooks.md shows the same bodies.
/// <c>TRACKING_UPDATE_GOLDEN=1</c> writes the files.</summary>
public sealed class WebhookBodyTests
{
    private const string Diagnosis =
        """{"host":"track.shop.example","outcome":"contradicted","findings":[{"code":"no-record"}],"hops":[]}""";

    private static readonly DateTimeOffset _at = new(2026, 11, 22, 9, 30, 0, 123, 456, TimeSpan.Zero);

    private static readonly MessageEvent _click = new()
    {
        Type = WebhookEventType.MessageClicked,
        Id = Guid.Parse("019aab3c-7f5b-7c11-9a52-3d2f0c6b8e41"),
        At = _at,
        Cluster = new ClusterId(0x2A51),
        Message = new MessageKey(0x0102030405060708, 9),
        MessageId = "order-1704@shop.example",
        Recipient = "anna@example.com",
        Tags = ["newsletter", "november"],
        Link = new LinkId(0x8000_0000_0000_0001),
        Url = "https://shop.example/boots?size=42",
        Place = new LinkPlace(1, 3, "Winter boots"),
        Ordinal = 2,
        ClientAddress = "203.0.113.0",
        UserAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
        Verdict = Verdict.Human,
        Reasons = ["browser"],
        IsProvisional = true,
    };

    public static TheoryData<string> Names => [.. Bodies().Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_body_is_the_golden_one_and_in_the_document(string name)
    {
        var file = Path.Combine(Folder(), "Golden", name + ".json");
        var body = Encoding.UTF8.GetString(Bodies()[name]);
        if (Environment.GetEnvironmentVariable("TRACKING_UPDATE_GOLDEN") == "1")
        {
            await File.WriteAllTextAsync(file, body + "\n", TestContext.Current.CancellationToken);
        }

        Assert.Equal(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken), body + "\n");
        var document = await File.ReadAllTextAsync(
            Path.Combine(Folder(), "..", "..", "..", "docs", "webhooks.md"), TestContext.Current.CancellationToken);
        var shown = document.Split("```json").Skip(1).Select(block => JsonNode.Parse(block.Split("```")[0]));
        Assert.Contains(shown, example => JsonNode.DeepEquals(example, JsonNode.Parse(body)));
    }

    [Fact]
    public void An_event_that_counts_nowhere_says_why_and_one_that_counts_does_not()
    {
        Assert.Equal(
            "systemLink",
            (string)JsonNode.Parse(WebhookBody.Write(_click with { Uncounted = WhyUncounted.SystemLink }))!
                ["data"]!["uncounted"]!);
        Assert.Null(JsonNode.Parse(WebhookBody.Write(_click))!["data"]!["uncounted"]);
    }

    [Fact]
    public void A_body_that_would_be_too_long_loses_its_longest_parts_and_says_so()
    {
        var body = WebhookBody.Write(_click with
        {
            Url = "https://shop.example/" + new string('a', 60_000),
            UserAgent = new string('b', 3000),
            Place = new LinkPlace(1, 3, new string('c', 9000)),
        });

        Assert.InRange(body.Length, 1, WebhookBody.MostBytes);
        var data = JsonNode.Parse(body)!["data"]!;
        Assert.True((bool)data["shortened"]!);
        Assert.Null(data["link"]!["url"]);
        Assert.Equal("8000000000000001", (string)data["link"]!["id"]!);
    }

    [Fact]
    public void A_diagnosis_that_would_be_too_long_comes_without_its_questions()
    {
        var hops = string.Join(',', Enumerable.Repeat("""{"name":"track.shop.example"}""", 1000));
        var facts = $$$"""{"diagnosis":{"outcome":"contradicted","hops":[{{{hops}}}]}}""";

        var body = DomainBody.OfNotice(WebhookEventType.TrackingDomainLost, 1, "track.shop.example", _at, facts);

        Assert.InRange(body.Length, 1, WebhookBody.MostBytes);
        var data = JsonNode.Parse(body)!["data"]!;
        Assert.True((bool)data["shortened"]!);
        Assert.Equal("contradicted", (string)data["diagnosis"]!["outcome"]!);
    }

    [Fact]
    public void User_name_and_password_of_a_link_are_masked()
    {
        var body = WebhookBody.Write(_click with { Url = "https://anna:secret@shop.example/" });

        Assert.DoesNotContain("secret", Encoding.UTF8.GetString(body), StringComparison.Ordinal);
    }

    private static Dictionary<string, byte[]> Bodies() => new()
    {
        ["message.clicked"] = WebhookBody.Write(_click),
        ["message.opened"] = WebhookBody.Write(_click with
        {
            Type = WebhookEventType.MessageOpened,
            Link = default,
            UserAgent = "Mozilla/5.0 (via ggpht.com GoogleImageProxy)",
            Verdict = Verdict.Proxy,
            Vendor = "google",
            Reasons = ["image-proxy"],
        }),
        ["message.event_reclassified"] = EnqueueRevisions.Body(
            new Revised(
                new StoredEvent
                {
                    Id = _click.Id,
                    Cluster = _click.Cluster.Value,
                    Message = _click.Message,
                    Micros = (_at.AddSeconds(-3) - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond,
                    Kind = LinkKind.Click,
                    Link = _click.Link.Value,
                    Verdict = Verdict.Human,
                    Score = -30,
                    Reasons = ["browser"],
                },
                new Opinion(Verdict.Scanner, 70, ["burst", "browser"])),
            _at),
        ["tracking_domain.warned"] = Encoding.UTF8.GetBytes(DomainBody.OfNotice(
            WebhookEventType.TrackingDomainWarned, 0x2A51, "track.shop.example", _at,
            $$$"""{"domain":"019aab3c-0000-7000-8000-000000000001","losesLinksAt":"2026-11-23T09:30:00+00:00","diagnosis":{{{Diagnosis}}}}""")),
        ["certificate.issued"] = Encoding.UTF8.GetBytes(DomainBody.OfCertificate(
            0x2A51, "track.shop.example", _at, _at.AddHours(-1), _at.AddDays(45), isRenewal: true)),
    };

    private static string Folder([CallerFilePath] string thisFile = "") => Path.GetDirectoryName(thisFile)!;
}

using System.Text;
using Tracking.Database.Entities;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Http;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Tests.Messages;

/// <summary>The headers by which senders control tracking in other systems.</summary>
public sealed class HeadersOfOtherSystemsTests
{
    private static readonly ClusterSettings _everything = new() { TrackClicks = true, TrackOpens = true };

    [Theory]
    // SparkPost
    [InlineData("X-MSYS-API: {\"options\":{\"open_tracking\":false,\"click_tracking\":false}}", "none", false)]
    [InlineData("x-msys-api: {\"options\":{\"open_tracking\":true,\"click_tracking\":false}}", "none", true)]
    [InlineData("X-MSYS-API: {\"options\":{\"click_tracking\":\"false\", \"open_tracking\": null}}", "none", true)]
    [InlineData("X-MSYS-API: {\"campaign_id\":\"x\",\"options\":{\"transactional\":true}}", "both", true)]
    [InlineData("X-MSYS-API: {\"metadata\":{\"click_tracking\":false}}", "both", true)]
    // SendGrid
    [InlineData("X-SMTPAPI: {\"filters\":{\"clicktrack\":{\"settings\":{\"enable\":0}}}}", "none", true)]
    [InlineData("X-SMTPAPI: {\"filters\":{\"opentrack\":{\"settings\":{\"enable\":\"0\"}}}}", "both", false)]
    [InlineData(
        "X-SMTPAPI: {\"filters\":{\"clicktrack\":{\"settings\":{\"enable\":1,\"enable_text\":false}}}}", "html", true)]
    [InlineData(
        "X-SMTPAPI: {\"filters\":{\"clicktrack\":{\"settings\":{\"enable\":\"1\",\"enable_text\":true}}}}",
        "both",
        true)]
    [InlineData("X-SMTPAPI: {\"filters\":{\"clicktrack\":{},\"opentrack\":{\"settings\":{}}}}", "both", true)]
    [InlineData("X-SMTPAPI: {\"to\":[\"a@example.com\"],\"category\":\"x\"}", "both", true)]
    // Mailgun
    [InlineData("X-Mailgun-Track: no", "none", false)]
    [InlineData("X-Mailgun-Track: False", "none", false)]
    [InlineData("X-Mailgun-Track: yes", "both", true)]
    [InlineData("X-Mailgun-Track-Clicks: htmlonly", "html", true)]
    [InlineData("X-Mailgun-Track-Clicks: no", "none", true)]
    [InlineData("X-Mailgun-Track-Clicks: TRUE", "both", true)]
    [InlineData("X-Mailgun-Track-Opens: no", "both", false)]
    [InlineData("X-Mailgun-Track: no\r\nX-Mailgun-Track-Clicks: yes", "none", false)]
    // Mandrill
    [InlineData("X-MC-Track: none", "none", false)]
    [InlineData("X-MC-Track: opens", "none", true)]
    [InlineData("X-MC-Track: opens, clicks_all", "both", true)]
    [InlineData("X-MC-Track: clicks", "both", false)]
    [InlineData("X-MC-Track: opens,clicks_htmlonly", "html", true)]
    [InlineData("X-MC-Track: Clicks_TextOnly", "text", false)]
    [InlineData("X-MC-Track: clicks_htmlonly, clicks_textonly", "both", false)]
    [InlineData("X-MC-Track: opens, none", "none", false)]
    // Amazon SES
    [InlineData("X-SES-MESSAGE-TAGS: campaign=spring", "both", true)]
    [InlineData("X-SES-CONFIGURATION-SET: none", "both", true)]
    public void A_header_restricts_what_the_cluster_tracks(string header, string clicks, bool opens)
    {
        var inForce = InForce(_everything, header);
        Assert.Equal(Enum.Parse<ClickTracking>(clicks, ignoreCase: true), inForce.TrackClicks);
        Assert.Equal(opens, inForce.TrackOpens);
        Assert.Empty(inForce.IgnoredHeaders);
    }

    [Theory]
    [InlineData("X-MSYS-API: {\"options\":{\"open_tracking\":true,\"click_tracking\":true}}")]
    [InlineData("X-SMTPAPI: {\"filters\":{\"clicktrack\":{\"settings\":{\"enable\":1}}}}")]
    [InlineData("X-Mailgun-Track: yes")]
    [InlineData("X-MC-Track: opens, clicks")]
    public void A_header_turns_nothing_on_that_the_cluster_does_not_track(string header)
    {
        var inForce = InForce(new ClusterSettings(), header);
        Assert.Equal(ClickTracking.None, inForce.TrackClicks);
        Assert.False(inForce.TrackOpens);
    }

    [Theory]
    [InlineData("X-MC-Track: none\r\nX-Tracking-Clicks: html", ClickTracking.None, false)]
    [InlineData("X-Mailgun-Track-Clicks: htmlonly\r\nX-Tracking-Clicks: yes", ClickTracking.Html, true)]
    [InlineData("X-Tracking-Opens: yes\r\nX-MC-Track: none", ClickTracking.None, false)]
    [InlineData("X-MC-Track: opens, clicks\r\nX-Tracking-Clicks: no", ClickTracking.None, true)]
    [InlineData("X-MC-Track: opens, clicks\r\nX-AMP: skip", ClickTracking.None, false)]
    [InlineData("X-MC-Track: none\r\nX-Tracking-Clicks: perhaps", ClickTracking.None, false)]
    public void An_opt_out_wins_from_whichever_header_it_comes(string headers, ClickTracking clicks, bool opens)
    {
        var inForce = InForce(_everything, headers);
        Assert.Equal(clicks, inForce.TrackClicks);
        Assert.Equal(opens, inForce.TrackOpens);
    }

    [Fact]
    public void The_requests_yes_does_not_undo_an_opt_out_in_the_message()
    {
        var request = new MessageMetadata { Clicks = ClickTracking.Both, Opens = true };
        var inForce = EffectiveSettingsTests.InForce(_everything, request, Message("X-MC-Track: none"));
        Assert.Equal(ClickTracking.None, inForce.TrackClicks);
        Assert.False(inForce.TrackOpens);
    }

    [Theory]
    [InlineData("X-MSYS-API: {\"options\":{\"click_tracking\":false}", "X-MSYS-API not-json")]
    [InlineData("X-MSYS-API: click_tracking=false", "X-MSYS-API not-json")]
    [InlineData("X-MSYS-API:", "X-MSYS-API not-json")]
    [InlineData("X-MSYS-API: []", "X-MSYS-API unknown-value")]
    [InlineData("X-MSYS-API: {\"options\":false}", "X-MSYS-API unknown-value")]
    [InlineData("X-MSYS-API: {\"options\":{\"click_tracking\":\"perhaps\"}}", "X-MSYS-API unknown-value")]
    [InlineData("X-MSYS-API: {\"options\":{\"click_tracking\":[false]}}", "X-MSYS-API unknown-value")]
    [InlineData("X-SMTPAPI: {\"filters\":{\"clicktrack\":{\"settings\":{\"enable\":2}}}}", "X-SMTPAPI unknown-value")]
    [InlineData("X-SMTPAPI: {\"filters\":{\"clicktrack\":0}}", "X-SMTPAPI unknown-value")]
    [InlineData("X-SMTPAPI: {'filters':{}}", "X-SMTPAPI not-json")]
    [InlineData("X-Mailgun-Track: htmlonly", "X-Mailgun-Track unknown-value")]
    [InlineData("X-Mailgun-Track-Opens: maybe", "X-Mailgun-Track-Opens unknown-value")]
    [InlineData("X-MC-Track: opens, everything", "X-MC-Track unknown-value")]
    [InlineData("X-MC-Track:", "X-MC-Track unknown-value")]
    [InlineData("X-SES-MESSAGE-TAGS: 1,2,3,4,5,6,7,8,9,10,11", "X-SES-MESSAGE-TAGS unknown-value")]
    [InlineData("X-Tracking-Clicks: perhaps", "X-Tracking-Clicks unknown-value")]
    [InlineData("x-tracking-level: strict", "x-tracking-level unknown-value")]
    public void A_header_that_cannot_be_read_is_reported_and_the_message_is_tracked_as_without(
        string header, string ignored)
    {
        var message = Message(header);
        var inForce = EffectiveSettingsTests.InForce(_everything, new MessageMetadata(), message);
        Assert.Equal(ClickTracking.Both, inForce.TrackClicks);
        Assert.True(inForce.TrackOpens);
        Assert.Equal([ignored], inForce.IgnoredHeaders.Select(one => one.ToString()));

        using var plan = RewriteMessage.Plan(message, TestKeys.Request with
        {
            RemovesOtherHeaders = true,
            IgnoredHeaders = inForce.IgnoredHeaders,
        });
        var reported = Assert.Single(RewriteReport.Of(plan).IgnoredHeaders!);
        Assert.Equal(ignored, $"{reported.Header} {reported.Reason}");
        var output = Encoding.ASCII.GetString(TestKeys.Write(plan));
        Assert.StartsWith("Subject: x\r\n\r\nhttps://", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("X-MSYS-API: {\"options\":\r\n {\"click_tracking\":\r\n\tfalse}}")]
    [InlineData("X-MSYS-API:\r\n {\"metadata\":{\"a\":\"folded\r\n\there\"},\"options\":{\"click_tracking\":false}}")]
    [InlineData("X-MSYS-API: =?utf-8?Q?=7B=22options=22:=7B=22click=5Ftracking=22:false=7D=7D?=")]
    [InlineData("X-MSYS-API: =?us-ascii?B?eyJvcHRpb25zIjp7ImNsaWNrX3Ry?=\r\n =?us-ascii?B?YWNraW5nIjpmYWxzZX19?=")]
    [InlineData("X-MC-Track: =?utf-8?q?opens?=")]
    [InlineData("X-MC-Track:\r\n opens")]
    [InlineData("X-Mailgun-Track-Clicks: yes\r\nX-Mailgun-Track-Clicks: no")]
    [InlineData("X-Mailgun-Track-Clicks: no\r\nX-Mailgun-Track-Clicks: yes")]
    [InlineData("X-MC-Track: perhaps\r\nX-MC-Track: opens")]
    public void Folded_encoded_and_repeated_headers_are_read(string header)
    {
        var inForce = InForce(_everything, header);
        Assert.Equal(ClickTracking.None, inForce.TrackClicks);
        Assert.True(inForce.TrackOpens);
    }

    [Fact]
    public void A_header_up_to_the_limit_is_read_and_a_longer_one_is_reported()
    {
        var limit = RewriteLimits.Default.MaxOtherHeaderBytes;
        const string End = "\"},\"options\":{\"click_tracking\":false}}";
        const string Start = "{\"metadata\":{\"a\":\"";
        var longest = Start + new string('x', limit - Start.Length - End.Length - 1) + End;
        Assert.Equal(ClickTracking.None, InForce(_everything, $"X-MSYS-API: {longest}").TrackClicks);

        var inForce = InForce(_everything, $"X-MSYS-API: x{longest}");
        Assert.Equal(ClickTracking.Both, inForce.TrackClicks);
        Assert.Equal([new IgnoredHeader("X-MSYS-API", HeaderIgnored.TooLong)], inForce.IgnoredHeaders);
    }

    [Fact]
    public void Deep_json_is_reported()
    {
        var inForce = InForce(_everything, $"X-SMTPAPI: {new string('[', 50_000)}");
        Assert.Equal([new IgnoredHeader("X-SMTPAPI", HeaderIgnored.NotJson)], inForce.IgnoredHeaders);
    }

    [Fact]
    public void A_thousand_headers_that_cannot_be_read_are_reported_ten_times()
    {
        var headers = string.Join("\r\n", Enumerable.Repeat("X-MC-Track: perhaps", 1_000));
        Assert.Equal(10, InForce(_everything, headers).IgnoredHeaders.Count);
    }

    [Fact]
    public void Tags_of_ses_are_the_messages_tags_unless_it_has_tags_of_ours()
    {
        Assert.Equal(
            ["campaign=spring", "language=en"],
            Own("X-SES-MESSAGE-TAGS: campaign=spring,\r\n language=en").Tags);
        Assert.Equal(["ours"], Own("X-Tracking-Tags: ours\r\nX-SES-MESSAGE-TAGS: campaign=spring").Tags);
    }

    [Fact]
    public void Turned_off_no_header_of_another_system_is_read_or_removed()
    {
        var message = Message("X-MC-Track: none\r\nX-AMP: no");
        var own = ReadControlHeaders.From(MessageHeader.Read(message), readsOthers: false);
        Assert.Equal(ClickTracking.Both, own.ClicksAllowed);
        using var plan = RewriteMessage.Plan(message, TestKeys.Request);
        var output = Encoding.ASCII.GetString(TestKeys.Write(plan));
        Assert.StartsWith("Subject: x\r\nX-MC-Track: none\r\n\r\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_message_that_passes_through_loses_the_headers_that_are_read_and_no_others()
    {
        var message = Message(
            "X-SMTPAPI: {\"to\":[\"a@example.com\",\r\n \"b@example.com\"]}\r\nX-SMTPAPI-Other: 1\r\n"
            + "X-Mailgun-Tag: spring\r\nX-MC-Track: none\r\nX-SES-CONFIGURATION-SET: a");
        using var plan = RewriteMessage.PlanHeader(MessageHeader.Read(message), removesOthers: true);
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        plan.Write(output);
        Assert.Equal(
            "Subject: x\r\nX-SMTPAPI-Other: 1\r\nX-Mailgun-Tag: spring\r\nX-SES-CONFIGURATION-SET: a\r\n\r\n"
                + "https://example.com/\r\n",
            Encoding.ASCII.GetString(output.WrittenSpan));
    }

    private static RewriteRequest InForce(ClusterSettings settings, string headers) =>
        EffectiveSettingsTests.InForce(settings, new MessageMetadata(), Message(headers));

    private static MessageMetadata Own(string headers) =>
        ReadControlHeaders.From(MessageHeader.Read(Message(headers)));

    private static byte[] Message(string headers) =>
        Encoding.UTF8.GetBytes($"Subject: x\r\n{headers}\r\n\r\nhttps://example.com/\r\n");
}

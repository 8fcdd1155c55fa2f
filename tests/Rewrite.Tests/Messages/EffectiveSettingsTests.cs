using System.Text;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Http;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Tests.Messages;

/// <summary>The precedence of request, message header and cluster.</summary>
public sealed class EffectiveSettingsTests
{
    // request | message | cluster | in force
    public static TheoryData<string?, string?, bool, ClickTracking> ClickRules => new()
    {
        { null, null, false, ClickTracking.None },
        { null, null, true, ClickTracking.Both },
        { "yes", null, false, ClickTracking.Both },
        { "html", null, true, ClickTracking.Html },
        { "text", null, false, ClickTracking.Text },
        { "no", null, true, ClickTracking.None },
        { null, "yes", false, ClickTracking.Both },
        { null, "html", true, ClickTracking.Html },
        { null, "no", true, ClickTracking.None },
        { "text", "html", true, ClickTracking.Text },
        { "yes", "html", false, ClickTracking.Both },
        { "yes", "no", true, ClickTracking.None },
        { "html", "no", true, ClickTracking.None },
        { "no", "yes", true, ClickTracking.None },
        { null, "perhaps", true, ClickTracking.Both },
        { null, "perhaps", false, ClickTracking.None },
    };

    public static TheoryData<string?, string?, bool, bool> OpenRules => new()
    {
        { null, null, false, false },
        { null, null, true, true },
        { "yes", null, false, true },
        { "no", null, true, false },
        { null, "yes", false, true },
        { null, "no", true, false },
        { "yes", "no", true, false },
        { "no", "yes", true, false },
        { null, "html", true, true },
    };

    [Theory]
    [MemberData(nameof(ClickRules))]
    public void Clicks_follow_the_request_then_the_message_then_the_cluster_and_no_wins(
        string? request, string? message, bool cluster, ClickTracking expected)
    {
        var inForce = InForce(
            new ClusterSettings { TrackClicks = cluster }, Clicks(request), Header("X-Tracking-Clicks", message));
        Assert.Equal(expected, inForce.TrackClicks);
        Assert.False(inForce.TrackOpens);
    }

    [Theory]
    [MemberData(nameof(OpenRules))]
    public void Opens_follow_the_request_then_the_message_then_the_cluster_and_no_wins(
        string? request, string? message, bool cluster, bool expected)
    {
        var metadata = new MessageMetadata { Opens = request is null ? null : MessageMetadata.ParseYesNo(request) };
        var inForce = InForce(
            new ClusterSettings { TrackOpens = cluster }, metadata, Header("X-Tracking-Opens", message));
        Assert.Equal(expected, inForce.TrackOpens);
        Assert.Equal(ClickTracking.None, inForce.TrackClicks);
    }

    [Fact]
    public void The_strictest_level_is_in_force_whoever_asks_for_it()
    {
        // The later, the stricter.
        TrackingLevel[] levels =
            [TrackingLevel.Full, TrackingLevel.Pseudonymous, TrackingLevel.Anonymous, TrackingLevel.Off];
        foreach (var cluster in levels)
        {
            foreach (var request in (TrackingLevel?[])[null, .. levels])
            {
                foreach (var message in (TrackingLevel?[])[null, .. levels])
                {
                    var settings = new ClusterSettings
                    {
                        TrackClicks = true,
                        TrackOpens = true,
                        TrackingLevel = cluster,
                    };
                    var own = Controls(Header("X-Tracking-Level", message?.ToString()));
                    var level = EffectiveSettings.Level(
                        Cluster(settings), new MessageMetadata { Level = request }, own);
                    Assert.Equal(
                        new[] { cluster, request ?? cluster, message ?? cluster }
                            .MaxBy(one => Array.IndexOf(levels, one)),
                        level);

                    var inForce = Settings().For(
                        Cluster(settings), new MessageMetadata { Level = request }, own, SomeHosts.System);
                    Assert.Equal(level == TrackingLevel.Off, inForce.TrackClicks == ClickTracking.None);
                    Assert.Equal(level != TrackingLevel.Off, inForce.TrackOpens);
                }
            }
        }
    }

    [Theory]
    [InlineData("skip", true)]
    [InlineData(" SKIP ", true)]
    [InlineData("yes", false)]
    public void Postals_skip_turns_everything_off_whatever_the_request_says(string value, bool off)
    {
        var everything = new ClusterSettings { TrackClicks = true, TrackOpens = true };
        var request = new MessageMetadata { Clicks = ClickTracking.Both, Opens = true };
        var inForce = InForce(everything, request, Header("X-AMP", value));
        Assert.Equal(off ? ClickTracking.None : ClickTracking.Both, inForce.TrackClicks);
        Assert.Equal(!off, inForce.TrackOpens);
    }

    [Theory]
    [InlineData("X-Tracking-Clicks: no\r\nX-Tracking-Clicks: yes\r\n")]
    [InlineData("X-Tracking-Clicks: yes\r\nX-Tracking-Clicks: no\r\n")]
    [InlineData("X-Tracking-Level: none\r\nX-Tracking-Level: full\r\n")]
    [InlineData("X-AMP: skip\r\nX-AMP: yes\r\n")]
    [InlineData("x-tracking-CLICKS:\r\n no\r\n")]
    [InlineData("Subject: x\r\nX-Tracking-Clicks : no\r\n")]
    public void An_opt_out_in_the_message_is_not_undone_by_another_header(string header)
    {
        var message = Encoding.ASCII.GetBytes(header + "\r\nbody\r\n");
        var inForce = InForce(
            new ClusterSettings { TrackClicks = true }, new MessageMetadata { Clicks = ClickTracking.Both }, message);
        Assert.Equal(ClickTracking.None, inForce.TrackClicks);
    }

    [Fact]
    public void Only_the_messages_own_header_is_read()
    {
        var inForce = InForce(
            new ClusterSettings { TrackClicks = true },
            new MessageMetadata(),
            "Subject: x\r\n\r\nX-Tracking-Clicks: no\r\n"u8.ToArray());
        Assert.Equal(ClickTracking.Both, inForce.TrackClicks);
    }

    [Fact]
    public void Tags_and_host_of_the_message_are_read_and_folding_is_undone()
    {
        var own = Controls(
            "X-Tracking-Tags: spring,\r\n sale\r\nX-Tracking-Host: track.shop.example\r\n\r\n"u8.ToArray());
        Assert.Equal(["spring", "sale"], own.Tags);
        Assert.Equal("track.shop.example", own.Host);
        Assert.Empty(Controls("X-Tracking-Tags: 1,2,3,4,5,6,7,8,9,10,11\r\n\r\n"u8.ToArray()).Tags);
    }

    [Theory]
    [InlineData("X-Tracking-Test: true\r\n", true)]
    [InlineData("X-Tracking-Test: yes\r\n", true)]
    [InlineData("X-Tracking-Test: maybe\r\n", null)]
    [InlineData("Subject: x\r\n", null)]
    public void A_message_calls_itself_a_test(string header, bool? expected) =>
        Assert.Equal(expected, Controls(Encoding.ASCII.GetBytes(header + "\r\n")).Test);

    [Fact]
    public void Huge_control_headers_cost_nothing()
    {
        var message = new byte[64 * 1024 * 1024];
        message.AsSpan().Fill((byte)',');
        "X-Tracking-Tags: "u8.CopyTo(message);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Empty(Controls(message).Tags);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1024 * 1024);
    }

    [Fact]
    public void Control_headers_are_removed_from_messages_that_pass_through_too()
    {
        var message = Encoding.ASCII.GetBytes(
            "From: a@shop.example\r\nX-AMP: skip\r\nX-Tracking-Tags: a\r\n b\r\nSubject: x\r\n"
            + "Content-Type: text/html\r\n\r\n<a href=https://example.com/>x</a>\r\n");
        using var plan = RewriteMessage.Plan(
            message, InForce(new ClusterSettings { TrackClicks = true }, new MessageMetadata(), message));
        Assert.Equal(Untouched.TrackingOff, plan.UntouchedReason);
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        plan.Write(output);
        Assert.Equal(
            "From: a@shop.example\r\nSubject: x\r\nContent-Type: text/html\r\n\r\n"
                + "<a href=https://example.com/>x</a>\r\n",
            Encoding.ASCII.GetString(output.WrittenSpan));
    }

    [Theory]
    [InlineData("h=from:x-tracking-tags:subject", true)]
    [InlineData("h = From : X-Tracking-Tags", true)]
    [InlineData("h=from:subject", false)]
    [InlineData("l=0; h=from:x-tracking-tags", true)]
    public void A_control_header_that_a_signature_names_stays_and_the_report_says_so(string tags, bool stays)
    {
        var message = Encoding.ASCII.GetBytes(
            $"X-Tracking-Tags: a\r\nX-AMP: no\r\nDKIM-Signature: v=1; {tags}; b=x\r\n\r\nhttps://example.com/\r\n");
        using var plan = RewriteMessage.Plan(message, TestKeys.Request);
        Assert.Equal(stays, plan.KeepsSignedControlHeaders);
        Assert.Equal(stays, RewriteReport.Of(plan).KeepsSignedControlHeaders);
        var output = Encoding.ASCII.GetString(TestKeys.Write(plan));
        Assert.Equal(stays, output.Contains("X-Tracking-Tags", StringComparison.Ordinal));
        Assert.DoesNotContain("X-AMP", output, StringComparison.Ordinal);
    }

    internal static RewriteRequest InForce(ClusterSettings settings, MessageMetadata request, byte[] message) =>
        InForce(settings, request, message, SomeHosts.System);

    internal static RewriteRequest InForce(
        ClusterSettings settings, MessageMetadata request, byte[] message, ChosenHost host) =>
        Settings().For(Cluster(settings), request, Controls(message), host);

    private static MessageMetadata Controls(byte[] message) => ReadControlHeaders.From(MessageHeader.Read(message));

    private static DirectoryCluster Cluster(ClusterSettings settings) => new(TestKeys.Cluster, settings);

    private static MessageMetadata Clicks(string? value) =>
        new() { Clicks = value is null ? null : MessageMetadata.ParseClicks(value) };

    private static byte[] Header(string name, string? value) => Encoding.ASCII.GetBytes(
        $"From: a@shop.example\r\n{(value is null ? "" : $"{name}: {value}\r\n")}\r\nbody\r\n");

    // Opens no connection: the ring stays empty.
    private static EffectiveSettings Settings() => new(
        new SigningKeyRing(
            NpgsqlDataSource.Create("Host=127.0.0.1;Port=1"),
            new MasterKey(new byte[MasterKey.Size]),
            TimeProvider.System),
        Options.Create(new RewriteOptions()),
        Options.Create(new SystemOptions()));
}

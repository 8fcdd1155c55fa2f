using System.Buffers;
using System.Security.Cryptography;
using Tracking.Links;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Tests;

/// <summary>Fixed keys and ids, so that every run writes the same bytes.</summary>
internal static class TestKeys
{
    public static readonly SigningKey Key = new(1, "0123456789abcdef"u8);

    public static readonly SigningKeys Keys = new(Key, [Key]);

    public static readonly ClusterId Cluster = new(0x5eed);

    public static readonly MessageKey Message = MessageKey.FromIdHash(MessageKey.HashId("golden@example.com"), 0);

    public static RewriteRequest Request { get; } = new()
    {
        Origin = new TrackingOrigin(true, Host("track.example.com")),
        TrackClicks = ClickTracking.Both,
        TrackOpens = true,
        TrackingHosts = HostSet.Of("track.example.com", "track.other-tenant.example"),
        Keys = Keys,
    };

    public static HostName Host(string name) =>
        HostName.TryParse(name, out var host) ? host : throw new ArgumentException(name);

    public static LinkId[] Ids(RewritePlan plan) =>
    [
        .. plan.Links
            .Where(link => link.IsTracked)
            .Select(link => LinkId.FromUrlHash(SHA256.HashData(link.Destination.Span), 0)),
    ];

    public static byte[] Write(RewritePlan plan, List<WrittenSplice>? trace = null)
    {
        var output = new ArrayBufferWriter<byte>();
        plan.Write(output, Ids(plan), Cluster, Message, Key, trace);
        return output.WrittenSpan.ToArray();
    }

    public static byte[] Rewrite(byte[] message, RewriteRequest request)
    {
        using var plan = RewriteMessage.Plan(message, request);
        Assert.Null(plan.Failure);
        return Write(plan);
    }
}

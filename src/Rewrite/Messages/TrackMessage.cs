using System.Buffers;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Database.Privacy;
using Tracking.Links;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Html;
using Tracking.Rewrite.Registration;

namespace Tracking.Rewrite.Messages;

/// <summary>The possible results of tracking a message.</summary>
public enum TrackOutcome
{
    /// <summary>The links or the pixel are in the message and registered.</summary>
    Tracked,

    /// <summary>The message goes out without tracking. The result has the reason.</summary>
    Untouched,

    /// <summary>An earlier message had the same id and other bytes.</summary>
    OtherContent,

    /// <summary>The links cannot be registered now.</summary>
    StoreUnavailable,
}

/// <summary>The result of tracking a message.</summary>
/// <param name="Outcome">The kind of result.</param>
/// <param name="MessageId">The given id, or the hash in place of an id.</param>
public sealed record TrackedMessageResult(TrackOutcome Outcome, string MessageId)
{
    /// <summary>The message to send, when tracked or untouched.</summary>
    public ReadOnlyMemory<byte> Output { get; init; }

    /// <summary>The number of wrapped links.</summary>
    public int TrackedLinks { get; init; }

    /// <summary>Whether the message got an open pixel.</summary>
    public bool HasPixel { get; init; }

    /// <summary>Why nothing is tracked; <see langword="null"/> otherwise.</summary>
    public Untouched? UntouchedReason { get; init; }

    /// <summary>The host of the message's links, and the requested host that is not used.</summary>
    public ChosenHost? Host { get; init; }

    /// <summary>The message's own headers that are not obeyed.</summary>
    public IReadOnlyList<IgnoredHeader> IgnoredHeaders { get; init; } = [];
}

/// <summary>
/// All steps for one message: settings in force, plan, registration, output. Both the queue and HTTP use it.
/// </summary>
public sealed partial class TrackMessage(
    ChooseHost choose,
    EffectiveSettings settings,
    FindTrackingHosts findHosts,
    SigningKeyRing keys,
    WithdrawnRecipient withdrawn,
    RegisterMessages register,
    MarkupMemory memory,
    KeepHtml keepHtml,
    RewriteTelemetry telemetry,
    ILogger<TrackMessage> logger)
{
    /// <summary>Plans the rewriting of a message and stores nothing.</summary>
    /// <returns>The plan and the host of its links; <see langword="null"/> while the store cannot tell to which cluster
    /// the requested host belongs, or which links lead to tracking domains.</returns>
    public async ValueTask<(RewritePlan Plan, ChosenHost Host)?> PlanAsync(
        DirectoryCluster cluster, MessageHeader message, MessageMetadata request)
    {
        var own = settings.Own(message);
        return await ChooseAsync(cluster, request, own) is { } host
            && await PlanAsync(cluster, message, settings.For(cluster, request, own, host)) is { } plan
                ? (plan, host)
                : null;
    }

    /// <summary>Rewrites a message. Its links are registered before this method returns.</summary>
    /// <param name="cluster">The message's cluster.</param>
    /// <param name="message">The message, by its header. The bytes must not change during the call.</param>
    /// <param name="request">The publisher's metadata.</param>
    /// <param name="cancellationToken">Ends the waiting. A registration in progress still completes.</param>
    /// <param name="describe">Receives each message that goes out, with its tracked URLs if it has any.</param>
    public async Task<TrackedMessageResult> TrackAsync(
        DirectoryCluster cluster,
        MessageHeader message,
        MessageMetadata request,
        CancellationToken cancellationToken,
        Action<RewritePlan, WrittenUrls?>? describe = null)
    {
        using var activity = RewriteTelemetry.Source.StartActivity("rewrite message");
        byte[]? contentHash = null;
        var own = settings.Own(message);
        var isTest = request.Test ?? own.Test ?? false;
        var messageId = request.MessageId ?? HashOf(cluster.Id, request, ContentHash());
        if (await ChooseAsync(cluster, request, own) is not { } host)
        {
            return new TrackedMessageResult(TrackOutcome.StoreUnavailable, messageId);
        }

        using var plan = await PlanAsync(cluster, message, settings.For(cluster, request, own, host));
        if (plan is null)
        {
            return new TrackedMessageResult(TrackOutcome.StoreUnavailable, messageId);
        }

        if (plan.UntouchedReason is { } reason)
        {
            return Output(cluster, messageId, plan, host, reason, output =>
            {
                plan.Write(output);
                describe?.Invoke(plan, null);
            });
        }

        if (keys.Current?.Current is not { } key)
        {
            return new TrackedMessageResult(TrackOutcome.StoreUnavailable, messageId);
        }

        var registration = Registration(cluster, ContentHash(), messageId, plan, request, own);
        var registered = await RegisterAsync(registration, cancellationToken);
        if (registered.Outcome == RegistrationOutcome.Registered
            && cluster.Settings.KeepHtmlDays is > 0 and var days
            && registration.Level == TrackingLevel.Full
            && plan.TrackedLinks > 0)
        {
            keepHtml.Offer(plan, cluster.Id, registered.Message, days);
        }

        return registered.Outcome switch
        {
            RegistrationOutcome.Registered => Output(
                cluster, messageId, plan, host, null,
                output =>
                {
                    plan.Write(output, registered.Links, cluster.Id, registered.Message, key);
                    describe?.Invoke(
                        plan, new WrittenUrls(plan, registered.Links, cluster.Id, registered.Message, key));
                }),
            RegistrationOutcome.OtherContent => new TrackedMessageResult(TrackOutcome.OtherContent, messageId),
            _ => new TrackedMessageResult(TrackOutcome.StoreUnavailable, messageId),
        };

        // Computed once, and only when needed: for a large message the hash takes longer than everything else. An mbox
        // line before the header contains the time of delivery. With that line, each retry would be a different
        // message.
        byte[] ContentHash() => contentHash ??= isTest
            ? HashOfTest(SHA256.HashData(message.Message.Span[message.Start..]))
            : SHA256.HashData(message.Message.Span[message.Start..]);
    }

    // A message that is not tracked need not wait for the choice of its host.
    private async ValueTask<ChosenHost?> ChooseAsync(
        DirectoryCluster cluster, MessageMetadata request, MessageMetadata own) =>
        await choose.ForAsync(cluster, request, own)
            ?? (EffectiveSettings.IsOff(cluster, request, own) ? choose.System : null);

    // Planning itself asks nobody. Messages with links to tracking domains are rare, and are planned a second time.
    private async ValueTask<RewritePlan?> PlanAsync(
        DirectoryCluster cluster, MessageHeader message, RewriteRequest request)
    {
        var plan = Plan(cluster, message, request);
        if (plan.TrackedLinks == 0)
        {
            return plan;
        }

        var others = await findHosts.AmongAsync(plan);
        if (others == HostSet.Empty)
        {
            return plan;
        }

        plan.Dispose();
        return others is null ? null : Plan(cluster, message, request with { LinkedTrackingHosts = others });
    }

    private RewritePlan Plan(DirectoryCluster cluster, MessageHeader message, RewriteRequest request)
    {
        var plan = RewriteMessage.Plan(message, request, memory);
        if (plan.Failure is { } failure)
        {
            LogFault(failure, cluster.Id);
        }

        return plan;
    }

    private TrackedMessageResult Output(
        DirectoryCluster cluster,
        string messageId,
        RewritePlan plan,
        ChosenHost host,
        Untouched? untouched,
        Action<IBufferWriter<byte>> write)
    {
        var output = plan.MessageMemory;
        try
        {
            var written = new ArrayBufferWriter<byte>(Math.Max(plan.OutputSizeHint, 1));
            write(written);
            output = written.WrittenMemory;
        }
#pragma warning disable CA1031 // A fault of ours must not delay mail: it is logged, and the original goes out.
        catch (Exception fault) when (fault is not OutOfMemoryException)
#pragma warning restore CA1031
        {
            LogFault(fault, cluster.Id);
            untouched = Untouched.InternalFault;
        }

        var tracked = untouched is null;
        telemetry.Rewritten(untouched, tracked ? plan.TrackedLinks : 0);
        return new TrackedMessageResult(tracked ? TrackOutcome.Tracked : TrackOutcome.Untouched, messageId)
        {
            Output = output,
            TrackedLinks = tracked ? plan.TrackedLinks : 0,
            HasPixel = tracked && plan.HasPixel,
            UntouchedReason = untouched,
            Host = host,
            IgnoredHeaders = plan.Request.IgnoredHeaders,
        };
    }

    private MessageRegistration Registration(
        DirectoryCluster cluster,
        byte[] contentHash,
        string messageId,
        RewritePlan plan,
        MessageMetadata request,
        MessageMetadata own)
    {
        var destinations = new ReadOnlyMemory<byte>[plan.TrackedLinks];
        var places = new LinkPlace[plan.TrackedLinks];
        var systemLinks = new List<short>();
        var leftPlain = new LeftPlain();
        foreach (var link in plan.Links)
        {
            leftPlain.Add(link);
            if (link.IsTracked)
            {
                if (link.IsSystem)
                {
                    systemLinks.Add((short)link.Ordinal);
                }

                destinations[link.Ordinal] = link.Destination;
                places[link.Ordinal] = new LinkPlace(
                    link.Part, link.Position, ShownUrl.Mask(Encoding.UTF8.GetString(link.Name.Span)));
            }
        }

        return new MessageRegistration
        {
            Cluster = cluster.Id,
            MessageId = messageId,
            ContentHash = contentHash,
            Sender = request.Sender,
            Recipient = request.Recipient,
            Tags = request.Tags.Count > 0 ? request.Tags : own.Tags,
            Level = plan.Request.Level,
            RecipientHash = request.Recipient is { } recipient ? withdrawn.Hash(cluster.Id, recipient) : null,
            Host = plan.Request.Origin!.Host.Value,
            SentAt = request.SentAt,
            OpensTracked = plan.HasPixel,
            Destinations = destinations,
            LinkMap = LinkMap.Write(places),
            IsTest = request.Test ?? own.Test ?? false,
            SystemLinks = systemLinks,
            LeftPlain = leftPlain.ToJson(),
            Trace = CurrentTrace(),
        };
    }

    private async Task<RegistrationResult> RegisterAsync(
        MessageRegistration registration, CancellationToken cancellationToken)
    {
        using var activity = RewriteTelemetry.Source.StartActivity("register message");
        activity?.SetTag("tracking.links", registration.Destinations.Length);
        return await register.RegisterAsync(registration, cancellationToken);
    }

    // The trace of a click, days later, links to this trace. The message's row keeps it.
    private static byte[]? CurrentTrace()
    {
        if (Activity.Current is not { Recorded: true } activity)
        {
            return null;
        }

        var trace = new byte[24];
        activity.TraceId.CopyTo(trace.AsSpan(0, 16));
        activity.SpanId.CopyTo(trace.AsSpan(16, 8));
        return trace;
    }

    // A test and the same message in earnest are two messages: the second one counts.
    private static byte[] HashOfTest(byte[] contentHash) => SHA256.HashData([.. contentHash, .. "test"u8]);

    // Two messages without an id are the same message if cluster, envelope and bytes are equal.
    private static string HashOf(ClusterId cluster, MessageMetadata metadata, byte[] contentHash) =>
        Convert.ToHexStringLower(SHA256.HashData(
            [.. Encoding.UTF8.GetBytes($"{cluster}\n{metadata.Sender}\n{metadata.Recipient}\n"), .. contentHash]));

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "A fault in the rewriter; a message of cluster {Cluster} goes out as it came")]
    private partial void LogFault(Exception fault, ClusterId cluster);
}

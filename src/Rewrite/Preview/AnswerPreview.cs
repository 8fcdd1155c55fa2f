using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Bus;
using Tracking.Contracts;
using Tracking.Database;
using Tracking.Links;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Preview;

/// <summary>
/// Answers previews of messages, without delaying mail: nothing is registered. A question that cannot be answered now
/// is dropped, and its client stops waiting by itself.
/// </summary>
internal sealed partial class AnswerPreview(
    ClusterDirectory clusters,
    TrackMessage track,
    SendToQueue send,
    IOptions<RewriteOptions> options,
    TimeProvider time,
    ILogger<AnswerPreview> logger)
{
    // One at a time: only a person waits for a preview, and mail needs the processors.
    private const int AtATime = 1;

    // No client waits longer for an answer.
    private static readonly TimeSpan _oldest = TimeSpan.FromMinutes(1);

    /// <summary>Adds the previews and their queue.</summary>
    public static void Add(IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<AnswerPreview>();
        builder.Services.AddSingleton(new BusEndpoint(QueueNames.PreviewMessages, (context, queue) =>
        {
            queue.ConcurrentMessageLimit = AtATime;
            queue.PrefetchCount = AtATime;
            queue.Handler<PreviewMessage>(asked =>
                // Resolved late, because it needs the bus that is being configured here.
                context.GetRequiredService<AnswerPreview>().RunAsync(
                    asked.Message, asked.SentTime, asked.CancellationToken));
        }));
    }

    private async Task RunAsync(PreviewMessage question, DateTime? sentAt, CancellationToken cancellationToken)
    {
        if (time.GetUtcNow().UtcDateTime - sentAt > _oldest)
        {
            LogDropped(question.Id, "its client no longer waits");
            return;
        }

        try
        {
            await send.SendAsync(question.ReplyTo, new MessagePreviewed
            {
                Id = Guid.CreateVersion7(time.GetUtcNow()),
                Request = question.Id,
                Preview = await PreviewAsync(question, cancellationToken),
            });
        }
#pragma warning disable CA1031 // A person can ask again; the bus must not repeat the question for ever.
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            LogDropped(question.Id, exception.Message);
        }
    }

    private async Task<MessagePreview?> PreviewAsync(PreviewMessage question, CancellationToken cancellationToken)
    {
        var cluster = new ClusterId(question.Cluster);
        if (await clusters.FindAsync(cluster.ToString(), cancellationToken) is not { } owner
            || await track.PlanAsync(
                owner, MessageHeader.Read(question.Message, options.Value.Limits), new MessageMetadata())
                is not var (plan, host))
        {
            return null;
        }

        using (plan)
        {
            return PreviewPlan.Of(plan, host, cluster);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The preview {Question} is not answered: {Reason}")]
    private partial void LogDropped(Guid question, string reason);
}

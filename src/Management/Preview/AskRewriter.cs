using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Bus;
using Tracking.Contracts;
using Tracking.Links;
using Tracking.Management.Requests;

namespace Tracking.Management.Preview;

/// <summary>Asks a rewriter over the bus for a preview of a message. There is no preview if no rewriter answers or the
/// bus is unavailable.</summary>
internal sealed partial class AskRewriter(
    SendToQueue bus,
    BusAnswers<MessagePreviewed> answers,
    IOptions<ManagementOptions> options,
    TimeProvider time,
    ILogger<AskRewriter> logger)
{
    /// <summary>The pause before the next request if no rewriter answered: a starting rewriter is ready by
    /// then.</summary>
    public static TimeSpan RetryAfter { get; } = TimeSpan.FromSeconds(10);

    /// <summary>Asks for a preview.</summary>
    /// <param name="cluster">The cluster whose settings apply.</param>
    /// <param name="message">The message (RFC 5322).</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns><see langword="null"/> if no rewriter answered in time.</returns>
    public async Task<MessagePreview?> PreviewAsync(
        ClusterId cluster, byte[] message, CancellationToken cancellationToken)
    {
        var id = Guid.CreateVersion7(time.GetUtcNow());
        var answer = answers.Expect(id);
        try
        {
            await bus.SendAsync(QueueNames.PreviewMessages, new PreviewMessage
            {
                Id = id,
                Cluster = cluster.Value,
                Message = message,
                ReplyTo = answers.Queue,
            });
            return (await answer.WaitAsync(options.Value.LongestPreview, time, cancellationToken)).Preview;
        }
        catch (Exception exception) when (
            exception is TimeoutException or NoSuchQueueException or NotConfirmedException)
        {
            LogNotAnswered(exception.Message);
            return null;
        }
        finally
        {
            answers.Forget(id);
        }
    }

    /// <summary>Adds this class and the queue for its answers. A second call does nothing.</summary>
    public static void Add(IHostApplicationBuilder builder)
    {
        if (builder.Services.Any(service => service.ServiceType == typeof(BusAnswers<MessagePreviewed>)))
        {
            return;
        }

        var answers = new BusAnswers<MessagePreviewed>(QueueNames.Previews);
        builder.Services.AddSingleton(answers);
        builder.Services.TryAddSingleton<AskRewriter>();
        builder.Services.AddSingleton(new BusEndpoint(answers.Queue, (_, queue) =>
            queue.Handler<MessagePreviewed>(answer =>
            {
                answers.Complete(answer.Message.Request, answer.Message);
                return Task.CompletedTask;
            }))
        {
            IsTemporary = true,
        });
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "No rewriter answered a request for a preview: {Reason}")]
    private partial void LogNotAnswered(string reason);
}

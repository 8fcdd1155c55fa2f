using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Bus;
using Tracking.Contracts;
using Tracking.Management.Requests;

namespace Tracking.Management.Domains;

/// <summary>Asks the verifiers over the bus. Without an answer no verifier runs, or the bus is away.</summary>
internal sealed partial class AskVerifier(
    SendToQueue bus,
    BusAnswers<NameChecked> answers,
    IOptions<ManagementOptions> options,
    TimeProvider time,
    ILogger<AskVerifier> logger)
{
    /// <summary>The time after which a client may ask again without an answer: a starting verifier is ready by
    /// then.</summary>
    public static TimeSpan RetryAfter { get; } = TimeSpan.FromSeconds(10);

    /// <summary>Calls the verifiers to a domain, without waiting. If the call is lost, they find the request in the
    /// domain's row.</summary>
    public void Verify(VerifyDomain message) => _ = SendAsync(QueueNames.VerifyDomains, message);

    /// <summary>Asks what DNS says of a name that nobody has added.</summary>
    /// <param name="hostname">The name, A-labels.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns><see langword="null"/> when no verifier answered in time.</returns>
    public async Task<NameChecked?> CheckAsync(string hostname, CancellationToken cancellationToken)
    {
        var id = Guid.CreateVersion7(time.GetUtcNow());
        var answer = answers.Expect(id);
        try
        {
            _ = SendAsync(
                QueueNames.CheckNames, new CheckName { Id = id, Hostname = hostname, ReplyTo = answers.Queue });
            return await answer.WaitAsync(options.Value.LongestVerification, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            return null;
        }
        finally
        {
            answers.Forget(id);
        }
    }

    private async Task SendAsync<T>(string queue, T message)
        where T : class
    {
        try
        {
            await Task.Yield();
            await bus.SendAsync(queue, message);
        }
#pragma warning disable CA1031 // Nobody awaits this: whatever the transport throws means that no verifier is called.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            LogNotSent(queue, exception.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "No verifier could be called over {Queue}: {Reason}")]
    private partial void LogNotSent(string queue, string reason);
}

/// <summary>Adds the services for asking the verifiers.</summary>
internal static class AskVerifierComposition
{
    /// <summary>Adds the services with the queue for answers. A second call changes nothing.</summary>
    public static IHostApplicationBuilder AddVerifierQuestions(this IHostApplicationBuilder builder)
    {
        if (builder.Services.Any(service => service.ServiceType == typeof(BusAnswers<NameChecked>)))
        {
            return builder;
        }

        var answers = new BusAnswers<NameChecked>(QueueNames.Checks);
        builder.Services.AddSingleton(answers);
        builder.Services.TryAddSingleton<AskVerifier>();
        builder.Services.TryAddSingleton<AwaitChecks>();
        builder.Services.AddSingleton(new BusEndpoint(answers.Queue, (_, queue) => queue.Handler<NameChecked>(answer =>
        {
            answers.Complete(answer.Message.Request, answer.Message);
            return Task.CompletedTask;
        }))
        {
            IsTemporary = true,
        });
        return builder;
    }
}

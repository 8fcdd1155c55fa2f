using Microsoft.Extensions.Options;
using Tracking.Bus;
using Tracking.Contracts;
using Tracking.Dns;
using Tracking.Domains;
using Tracking.Links;

namespace Tracking.DomainVerifier.Verification;

/// <summary>
/// Answers what DNS says of a name that nobody has added, and who may issue certificates for it. Nothing is stored, and
/// a question that cannot be answered now is dropped: whoever waits gives up by himself.
/// </summary>
internal sealed partial class AnswerNameCheck(
    Look look,
    AskCaa askCaa,
    SendToQueue send,
    IOptions<VerifierOptions> options,
    TimeProvider time,
    ILogger<AnswerNameCheck> logger)
{
    /// <summary>Answers.</summary>
    /// <param name="question">The question.</param>
    /// <param name="sentAt">When it was asked, if that is known.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task RunAsync(CheckName question, DateTimeOffset? sentAt, CancellationToken cancellationToken)
    {
        if (!HostName.TryParse(question.Hostname, out var host)
            || time.GetUtcNow() - sentAt > options.Value.LongestCheck)
        {
            LogDropped(question.Hostname, "nobody waits any more, or it is no host name");
            return;
        }

        try
        {
            using var limit = new CancellationTokenSource(options.Value.LongestCheck, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
            var diagnosis = look(host, either.Token);
            var caa = askCaa.AskAsync(host, either.Token);
            await Task.WhenAll(diagnosis, caa);
            await send.SendAsync(question.ReplyTo, Answer(question, await diagnosis, await caa));
        }
#pragma warning disable CA1031 // A person asks again; the question must not come back for ever by itself.
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            LogDropped(question.Hostname, exception.Message);
        }
    }

    private static NameChecked Answer(CheckName question, DomainDiagnosis diagnosis, CaaAnswer caa) => new()
    {
        Id = Guid.CreateVersion7(),
        Request = question.Id,
        Diagnosis = diagnosis.ToJson(),
        Caa = caa.Failure == CaaFailure.None ? [.. caa.Records.Select(record => record.Value)] : null,
        CaaFoundAt = caa.FoundAt?.ToString(),
    };

    [LoggerMessage(Level = LogLevel.Warning, Message = "The question about {Host} is not answered: {Reason}")]
    private partial void LogDropped(string host, string reason);
}

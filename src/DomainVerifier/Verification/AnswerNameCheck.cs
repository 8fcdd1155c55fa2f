using Microsoft.Extensions.Options;
using Tracking.Bus;
using Tracking.Contracts;
using Tracking.Dns;
using Tracking.Domains;
using Tracking.Links;

namespace Tracking.DomainVerifier.Verification;

/// <summary>
/// Answers questions about names that nobody has added: what DNS says, who may issue certificates, and whether a
/// parent demands https. Nothing is stored. A question that cannot be answered now is dropped, because the asker has a
/// time limit of its own.
/// </summary>
internal sealed partial class AnswerNameCheck(
    Look look,
    AskCaa askCaa,
    AskParents parents,
    SendToQueue send,
    IOptions<VerifierOptions> options,
    TimeProvider time,
    ILogger<AnswerNameCheck> logger)
{
    /// <summary>Answers a question.</summary>
    /// <param name="question">The question.</param>
    /// <param name="sentAt">When the question was sent, if known.</param>
    /// <param name="cancellationToken">Ends the check without an answer.</param>
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
            // No link has been made on a name that nobody has added.
            var forced = parents.RunAsync(host, hasHttpLinks: false, either.Token);
            await Task.WhenAll(diagnosis, caa, forced);
            await send.SendAsync(
                question.ReplyTo, Answer(question, With(await diagnosis, await forced), await caa));
        }
#pragma warning disable CA1031 // The question must not be delivered again for ever. A person can ask again.
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            LogDropped(question.Hostname, exception.Message);
        }
    }

    private static DomainDiagnosis With(DomainDiagnosis diagnosis, DomainFinding? finding) => finding is null
        ? diagnosis
        : diagnosis with
        {
            Findings = [.. diagnosis.Findings.Append(finding).OrderByDescending(found => found.Severity)],
        };

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

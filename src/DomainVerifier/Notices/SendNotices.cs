using Microsoft.Extensions.Options;
using MimeKit;
using Tracking.Database;
using Tracking.Database.Entities;

namespace Tracking.DomainVerifier.Notices;

/// <summary>
/// Sends the notices of the outbox: each to the bus, and by mail once to each address of its cluster. After each mail
/// the recipient is stored, so a restart or another process continues where this one stopped. Only a mail whose
/// acceptance could not be stored goes out twice, with the same Message-ID. A mail server that is away only causes
/// delay.
/// </summary>
internal sealed partial class SendNotices(
    ClaimNotices claim,
    PublishNotice publish,
    NoticesWaiting waiting,
    VerifierTelemetry telemetry,
    IOptions<NoticeOptions> options,
    TimeProvider time,
    ILogger<SendNotices> logger) : BackgroundService
{
    // The number of notices in one round on one connection. The number is small enough that the lease lasts.
    private const int NoticesPerRound = 5;

    private readonly NoticeOptions _options = options.Value;
    private readonly SmtpAddress? _server =
        string.IsNullOrEmpty(options.Value.Smtp) ? null : SmtpAddress.Parse(options.Value.Smtp);

    private DateTimeOffset _nextDeletion;

    /// <summary>Sends one round of due notices.</summary>
    /// <returns>Whether more notices may be due.</returns>
    public async Task<bool> RunAsync(CancellationToken cancellationToken)
    {
        var notices = await claim.RunAsync(NoticesPerRound, cancellationToken);
        if (notices.Count == 0)
        {
            return false;
        }

        await using var connection = _server is null ? null : new SmtpConnection(_server, _options, logger);
        foreach (var notice in notices)
        {
            await SendAsync(notice, connection, cancellationToken);
        }

        return notices.Count == NoticesPerRound;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (await RunAsync(stoppingToken))
                {
                    continue;
                }

                await DeleteOldAsync(stoppingToken);
            }
            catch (Exception exception) when (StoreAway.FaultOf(exception) != StoreFault.None)
            {
                LogStoreAway(exception.Message);
            }

            await waiting.WaitAsync(_options.LookInterval, time, stoppingToken);
        }
    }

    private async Task SendAsync(ClaimedNotice notice, SmtpConnection? connection, CancellationToken cancellationToken)
    {
        // The notices before took long, so the lease of this one has ended or ends soon.
        if (time.GetUtcNow() > notice.LeasedUntil - (2 * _options.SmtpTimeout))
        {
            return;
        }

        var isPublished = !notice.WaitsForBus;
        if (!isPublished && await publish.RunAsync(notice, cancellationToken))
        {
            isPublished = true;
            if (!await claim.KeepPublishedAsync(notice, cancellationToken))
            {
                return;
            }
        }

        string? error = null;
        if (notice.WaitsForMail)
        {
            if (connection is null)
            {
                LogNotMailed(notice.Hostname, notice.Kind);
            }
            else if (await MailAsync(notice, connection, cancellationToken) is (var isOurs, var reason))
            {
                if (!isOurs)
                {
                    return;
                }

                error = reason;
            }
        }

        var now = time.GetUtcNow();
        var isGivenUp = error is not null && now - notice.At >= _options.GiveUpAfter;
        if (isGivenUp)
        {
            LogGivenUp(notice.Id, notice.Hostname, error!);
        }

        await claim.FinishAsync(
            notice,
            isMailed: error is null || isGivenUp,
            now + Pause(notice.Attempts),
            error ?? (isPublished ? null : "The bus did not take it."),
            cancellationToken);
    }

    // Returns whether the lease is still ours, and why the notice failed. Without a failure every recipient has the
    // mail.
    private async Task<(bool IsOurs, string? Reason)> MailAsync(
        ClaimedNotice notice, SmtpConnection connection, CancellationToken cancellationToken)
    {
        string? failed = null;
        foreach (var recipient in notice.Recipients)
        {
            var (outcome, reason) = await HandOverAsync(notice, recipient, connection, cancellationToken);
            telemetry.Mailed(outcome switch
            {
                MailOutcome.Sent => "sent",
                MailOutcome.Refused => "refused",
                _ => "failed",
            });
            if (outcome == MailOutcome.Failed)
            {
                LogFailed(notice.Id, notice.Hostname, Pause(notice.Attempts), reason!);
                failed = reason;
                continue;
            }

            if (outcome == MailOutcome.Refused)
            {
                LogRefused(notice.Id, notice.Hostname, reason!);
            }

            if (!await claim.KeepRecipientAsync(notice, recipient, cancellationToken))
            {
                return (false, null);
            }
        }

        return (true, failed);
    }

    private async Task<(MailOutcome Outcome, string? Reason)> HandOverAsync(
        ClaimedNotice notice, string recipient, SmtpConnection connection, CancellationToken cancellationToken)
    {
        MimeMessage message;
        try
        {
            message = WriteMail.For(notice, recipient, _options);
        }
        catch (ParseException)
        {
            return (MailOutcome.Refused, "An address of the cluster is none.");
        }

        using (message)
        {
            return await connection.SendAsync(message, cancellationToken);
        }
    }

    private async Task DeleteOldAsync(CancellationToken cancellationToken)
    {
        if (time.GetUtcNow() is var now && now >= _nextDeletion)
        {
            await claim.DeleteOldAsync(cancellationToken);
            _nextDeletion = now.AddHours(1);
        }
    }

    private TimeSpan Pause(int attempts)
    {
        var pause = _options.FirstRetry;
        for (var i = 0; i < attempts && pause < _options.LongestRetry; i++)
        {
            pause *= 2;
        }

        return pause > _options.LongestRetry ? _options.LongestRetry : pause;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Notices could not be read or stored: {Reason}")]
    private partial void LogStoreAway(string reason);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "Notice about {Host} ({Kind}) is not mailed: Tracking__Notices__Smtp is not set")]
    private partial void LogNotMailed(string host, NoticeKind kind);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "Notice {Notice} about {Host} could not be mailed. The next attempt is in {Pause}: {Reason}")]
    private partial void LogFailed(Guid notice, string host, TimeSpan pause, string reason);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "The mail server refuses notice {Notice} about {Host} for one recipient: {Reason}")]
    private partial void LogRefused(Guid notice, string host, string reason);

    [LoggerMessage(Level = LogLevel.Error,
        Message = "Notice {Notice} about {Host} is given up. Not every recipient has it: {Reason}")]
    private partial void LogGivenUp(Guid notice, string host, string reason);
}

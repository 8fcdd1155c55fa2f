using MassTransit;
using Tracking.Bus;
using Tracking.Contracts;
using Tracking.Database.Entities;

namespace Tracking.DomainVerifier.Notices;

/// <summary>Tells programs what a notice tells people: a message on the bus with the notice's id, at least
/// once.</summary>
internal sealed class PublishNotice(IBus bus, DirectoryChanges changes)
{
    // A broker that is away must not hold up mail; the notice is published with its next attempt.
    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(5);

    /// <summary>Publishes it.</summary>
    /// <returns>Whether the bus has it.</returns>
    public async Task<bool> RunAsync(ClaimedNotice notice, CancellationToken cancellationToken)
    {
        if (Message(notice) is not { } message)
        {
            return true;
        }

        if (notice.Kind == NoticeKind.Lost || notice.Facts.WasPending == true)
        {
            // Whoever serves links was told after the commit, unless the process died in between.
            changes.Announce(notice.Cluster, hostname: notice.Hostname);
        }

        try
        {
            await bus.Publish(message, cancellationToken).WaitAsync(_longest, cancellationToken);
            return true;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
#pragma warning disable CA1031 // Whatever the transport throws: the notice stays where it is and is published later.
        catch (Exception)
#pragma warning restore CA1031
        {
            return false;
        }
    }

    private static object? Message(ClaimedNotice notice)
    {
        var diagnosis = notice.Facts.Diagnosis?.ToJson() ?? "{}";
        return notice.Kind switch
        {
            NoticeKind.Recovered => new TrackingDomainVerified
            {
                Id = notice.Id,
                Domain = notice.Facts.Domain,
                Cluster = notice.Cluster.Value,
                Hostname = notice.Hostname,
                At = notice.At,
                Diagnosis = diagnosis,
            },
            NoticeKind.Warning => new TrackingDomainWarned
            {
                Id = notice.Id,
                Domain = notice.Facts.Domain,
                Cluster = notice.Cluster.Value,
                Hostname = notice.Hostname,
                At = notice.At,
                Diagnosis = diagnosis,
                LosesLinksAt = notice.Facts.LosesLinksAt ?? notice.At,
            },
            NoticeKind.Lost => new TrackingDomainLost
            {
                Id = notice.Id,
                Domain = notice.Facts.Domain,
                Cluster = notice.Cluster.Value,
                Hostname = notice.Hostname,
                At = notice.At,
                Diagnosis = diagnosis,
                Reason = notice.Facts.Reason ?? NoticeFacts.RecordGone,
            },
            // People alone are told of a certificate: the services that have to do with it know.
            _ => null,
        };
    }
}

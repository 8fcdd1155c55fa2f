using MassTransit;
using Tracking.Bus;
using Tracking.Contracts;
using Tracking.Database.Entities;

namespace Tracking.DomainVerifier.Notices;

/// <summary>Publishes a notice as a bus event with the notice's id, at least once.</summary>
internal sealed class PublishNotice(IBus bus, DirectoryChanges changes)
{
    // A broker that is away must not hold up mail. The event is published with the notice's next attempt.
    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(5);

    /// <summary>Publishes the event.</summary>
    /// <returns>Whether the bus has accepted the event.</returns>
    public async Task<bool> RunAsync(ClaimedNotice notice, CancellationToken cancellationToken)
    {
        if (Message(notice) is not { } message)
        {
            return true;
        }

        if (notice.Kind == NoticeKind.Lost || notice.Facts.WasPending == true)
        {
            // Edges were told after the commit, unless the process died in between.
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
#pragma warning disable CA1031 // Any fault of the transport: the notice stays in the outbox and is published later.
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
            // A certificate in danger has no bus event here, because the services concerned know it already; and https
            // that is forced is shown by the domain itself.
            _ => null,
        };
    }
}

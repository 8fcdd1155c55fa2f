using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Bus;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Management;

/// <summary>After a change is committed: this process knows it before it answers, the others are told.</summary>
internal sealed partial class ApplyChange(
    ClusterDirectory directory,
    DirectoryChanges changes,
    IOptions<ManagementOptions> options,
    TimeProvider time,
    ILogger<ApplyChange> logger)
{
    /// <summary>Returns when this process has read the change, or could not in time: it is stored either way.</summary>
    /// <param name="cluster">The cluster that changed.</param>
    /// <param name="isDeleted">Whether it, or the tracking domain, was deleted.</param>
    /// <param name="hostname">The one tracking domain that changed; <see langword="null"/> when it is more.</param>
    public async Task ApplyAsync(ClusterId cluster, bool isDeleted = false, string? hostname = null)
    {
        changes.Announce(cluster, isDeleted, hostname);
        // Not cancelled with the request: the change is committed, whoever asked may have gone.
        using var limit = new CancellationTokenSource(options.Value.LongestReadBack, time);
        try
        {
            // Cancelling a query asks a server that may not answer either: the wait has its own end.
            await directory.RefreshAsync(limit.Token).WaitAsync(limit.Token);
        }
        catch (Exception exception)
            when (exception is OperationCanceledException || StoreAway.IsOrUnfit(exception))
        {
            LogNotRead(exception.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A change is stored but could not be read back yet: {Reason}")]
    private partial void LogNotRead(string reason);
}

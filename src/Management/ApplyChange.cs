using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Bus;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Management;

/// <summary>Applies a committed change: this process reads the change before it answers, and the other processes are
/// told.</summary>
internal sealed partial class ApplyChange(
    ClusterDirectory directory,
    DirectoryChanges changes,
    IOptions<ManagementOptions> options,
    TimeProvider time,
    ILogger<ApplyChange> logger)
{
    /// <summary>Returns when this process has read the change, or when the time for it is over. The change is stored in
    /// both cases.</summary>
    /// <param name="cluster">The cluster that changed.</param>
    /// <param name="isDeleted">Whether it, or the tracking domain, was deleted.</param>
    /// <param name="hostname">The tracking domain that changed; <see langword="null"/> if more than one
    /// changed.</param>
    public async Task ApplyAsync(ClusterId cluster, bool isDeleted = false, string? hostname = null)
    {
        changes.Announce(cluster, isDeleted, hostname);
        // The reading is not cancelled with the request, because the change is committed although the client may have
        // gone.
        using var limit = new CancellationTokenSource(options.Value.LongestReadBack, time);
        try
        {
            // The wait has its own time limit, because a database that does not answer may not cancel a query either.
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

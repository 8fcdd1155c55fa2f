using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Contracts;

namespace Tracking.RedirectEdge.Events;

/// <summary>
/// Publishes the events that other edges left behind, under the edges' own ids and batch numbers. A batch that was
/// stored already is recognised by its key, so no event counts twice, however often a folder is adopted. Each folder
/// has its own window and its own queue of acknowledgements. A folder without remaining events is marked as empty.
/// </summary>
internal sealed partial class AdoptSpools : IHostedService, IDisposable
{
    private readonly OrphanedFolders _folders;
    private readonly ILogger _logger;
    private readonly Dictionary<Guid, Adopted> _adopted = [];

    public AdoptSpools(
        OrphanedFolders folders,
        SendBatch send,
        IOptions<RedirectEdgeOptions> options,
        TimeProvider time,
        EdgeMeters meters,
        ILoggerFactory loggers)
    {
        _folders = folders;
        _logger = loggers.CreateLogger<AdoptSpools>();
        foreach (var folder in folders.Adopted)
        {
            var spool = new EventSpool(folder, options, time, meters, loggers.CreateLogger<EventSpool>());
            var publish = new PublishEvents(spool, send, options, time, meters, loggers.CreateLogger<PublishEvents>());
            _adopted.Add(folder.EdgeId, new Adopted(folder, spool, publish));
        }
    }

    /// <summary>EventIngest has stored a batch of an adopted folder.</summary>
    public void Acknowledge(EventBatchStored stored)
    {
        if (_adopted.TryGetValue(stored.EdgeId, out var adopted))
        {
            adopted.Publish.Acknowledge(stored);
            SayWhenEmpty(adopted);
        }
    }

    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var reason in _folders.Refused)
        {
            LogRefused(reason);
        }

        foreach (var adopted in _adopted.Values)
        {
            LogAdopted(adopted.Folder.EdgeId, adopted.Folder.Path, adopted.Spool.Events);
            SayWhenEmpty(adopted);
            await adopted.Publish.StartAsync(cancellationToken);
        }
    }

    /// <summary>Events that are not stored stay in their folder for the next start.</summary>
    public Task StopAsync(CancellationToken cancellationToken) =>
        Task.WhenAll(_adopted.Values.Select(adopted => adopted.Publish.StopAsync(cancellationToken)));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var adopted in _adopted.Values)
        {
            adopted.Publish.Dispose();
            adopted.Spool.Dispose();
        }
    }

    private void SayWhenEmpty(Adopted adopted)
    {
        if (adopted.Spool.Events == 0 && adopted.TryFinish() && adopted.Spool.MarkWhenEmpty())
        {
            LogEmpty(adopted.Folder.EdgeId, adopted.Folder.Path);
        }
    }

    private sealed class Adopted(EdgeFolder folder, EventSpool spool, PublishEvents publish)
    {
        private int _finished;

        public EdgeFolder Folder { get; } = folder;

        public EventSpool Spool { get; } = spool;

        public PublishEvents Publish { get; } = publish;

        public bool TryFinish() => Interlocked.Exchange(ref _finished, 1) == 0;
    }

    [LoggerMessage(Level = LogLevel.Information,
        Message = "Edge {Edge} left {Folder} with {Events} events; they are published under its id")]
    private partial void LogAdopted(Guid edge, string folder, long events);

    [LoggerMessage(Level = LogLevel.Information,
        Message = "All events of edge {Edge} are stored: {Folder} may be deleted")]
    private partial void LogEmpty(Guid edge, string folder);

    [LoggerMessage(Level = LogLevel.Error, Message = "A folder is not adopted: {Reason}")]
    private partial void LogRefused(string reason);
}

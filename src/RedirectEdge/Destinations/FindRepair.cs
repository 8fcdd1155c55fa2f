using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.RedirectEdge.Destinations;

/// <summary>
/// Finds the destination that takes the place of another in a message. A token does not say a message's tags, so the
/// first click of each message on a link that is repaired within a tag asks the database. While that does not answer,
/// the link leads where it led.
/// </summary>
internal sealed partial class FindRepair(
    NpgsqlDataSource dataSource,
    IOptions<RedirectEdgeOptions> options,
    TimeProvider time,
    ILogger<FindRepair> logger) : IDisposable
{
    private readonly ConcurrentDictionary<(ClusterId Cluster, MessageKey Message), string[]> _tags = new();
    private readonly SemaphoreSlim _connections = new(options.Value.MaxLookups);

    /// <summary>The destination in the link's place; <see langword="null"/> when it has none in this
    /// message.</summary>
    public async ValueTask<CachedLink?> RunAsync(DestinationRules rules, MessageKey message, CachedLink link)
    {
        if (rules.RepairsOf(link.Key) is not { } repairs)
        {
            return null;
        }

        if (repairs.Messages.TryGetValue(message, out var inMessage))
        {
            return inMessage;
        }

        if (repairs.Tags.Count == 0)
        {
            return null;
        }

        var tags = await TagsAsync(link.Key.Cluster, message);
        foreach (var (tag, target) in repairs.Tags)
        {
            if (tags.Contains(tag, StringComparer.Ordinal))
            {
                return target;
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public void Dispose() => _connections.Dispose();

    private async ValueTask<string[]> TagsAsync(ClusterId cluster, MessageKey message)
    {
        if (_tags.TryGetValue((cluster, message), out var known))
        {
            return known;
        }

        using var timeout = new CancellationTokenSource(options.Value.LookupTimeout, time);
        try
        {
            await _connections.WaitAsync(timeout.Token);
            try
            {
                var tags = await ReadAsync(cluster, message, timeout.Token).WaitAsync(timeout.Token);
                if (_tags.Count >= options.Value.MaxTaggedMessages)
                {
                    _tags.Clear();
                }

                _tags[(cluster, message)] = tags;
                return tags;
            }
            finally
            {
                _connections.Release();
            }
        }
        catch (Exception exception) when (StoreAway.IsOrUnfit(exception)
            || exception is OperationCanceledException or ObjectDisposedException)
        {
            LogUnavailable(exception.Message);
            return [];
        }
    }

    private async Task<string[]> ReadAsync(ClusterId cluster, MessageKey message, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            "SELECT tags FROM rewrite.messages WHERE cluster_id = $1 AND message_key = $2");
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = cluster.Value });
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = message.ToBytes() });
        return (string[]?)await command.ExecuteScalarAsync(cancellationToken) ?? [];
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "The tags of a message could not be looked up, its repaired link leads where it led: {Reason}")]
    private partial void LogUnavailable(string reason);
}

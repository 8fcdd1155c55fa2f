using System.Buffers.Binary;
using System.Collections.Frozen;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Links;
using Tracking.SharedCache;

namespace Tracking.RedirectEdge.Hosts;

/// <summary>
/// The clusters that a host serves, in the shared cache (<c>tracking:1:host:&lt;name&gt;</c>). Every edge that has read
/// them from PostgreSQL writes them, and an edge that has not yet read them reads this entry. An entry counts for at
/// most <see cref="MaxAge"/> after the reading of PostgreSQL, and not after an announced change: an entry must not keep
/// a deleted cluster alive. Content: the time of the reading (i64, ticks UTC), clusters (i32 each, ascending).
/// </summary>
internal sealed class SharedHosts(
    SharedValues cache,
    ClusterDirectory clusters,
    RefreshDirectories refresh,
    IOptions<SystemOptions> options,
    TimeProvider time) : BackgroundService
{
    /// <summary>Without the bus a deleted cluster stops within 60 s: 45 s, and 15 s for different clocks. This is 1.5
    /// times the default refresh, so an entry always exists while PostgreSQL answers one of the edges.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(45);

    // An entry from a clock further ahead could count for too long.
    private static readonly TimeSpan _maxLead = TimeSpan.FromSeconds(15);

    // After an announcement an edge without PostgreSQL knows nothing until it has asked again.
    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(1);

    private const int HeaderSize = sizeof(long);

    private readonly string _key = "host:" + HostDirectory.SystemHost(options.Value);
    private volatile Told? _told;
    private DateTimeOffset _written;

    /// <summary>The clusters that the host serves, as another edge read them; <see langword="null"/> without a recent
    /// entry.</summary>
    public FrozenSet<ClusterId>? Current => _told is { } told && IsFresh(told.ReadAt) ? told.Clusters : null;

    /// <summary>Whether another edge has reported clusters without this one.</summary>
    public bool IsGone(ClusterId cluster) => _told is { } told && !told.Clusters.Contains(cluster);

    /// <summary>Writes this edge's reading for other edges, or reads theirs while this edge has not read the
    /// database.</summary>
    public async Task ExchangeAsync()
    {
        if (!clusters.IsLoaded)
        {
            Take(await cache.ReadAsync(_key));
            return;
        }

        var (living, readAt) = clusters.Living;
        if (readAt > _written && cache.IsUsed)
        {
            _written = readAt;
            cache.Write(_key, Encode(living, readAt), MaxAge);
        }
    }

    internal static byte[] Encode(IEnumerable<ClusterId> clusters, DateTimeOffset readAt)
    {
        var numbers = clusters.Select(cluster => cluster.Value).Order().ToArray();
        var content = new byte[HeaderSize + (sizeof(int) * numbers.Length)];
        BinaryPrimitives.WriteInt64BigEndian(content, readAt.UtcTicks);
        for (var i = 0; i < numbers.Length; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(content.AsSpan(HeaderSize + (sizeof(int) * i)), numbers[i]);
        }

        return content;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(_pause, time);
        try
        {
            do
            {
                await ExchangeAsync();
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // The edge is stopping.
        }
    }

    private void Take(byte[]? content)
    {
        if (content is not { Length: >= HeaderSize } || (content.Length - HeaderSize) % sizeof(int) != 0)
        {
            return;
        }

        var ticks = BinaryPrimitives.ReadInt64BigEndian(content);
        if (ticks < 0 || ticks > DateTimeOffset.MaxValue.UtcTicks)
        {
            return;
        }

        var readAt = new DateTimeOffset(ticks, TimeSpan.Zero);
        if (!IsFresh(readAt) || readAt <= _told?.ReadAt)
        {
            return;
        }

        var living = new List<ClusterId>();
        for (var at = HeaderSize; at < content.Length; at += sizeof(int))
        {
            living.Add(new ClusterId(BinaryPrimitives.ReadInt32BigEndian(content.AsSpan(at))));
        }

        _told = new Told(living.ToFrozenSet(), readAt);
    }

    private bool IsFresh(DateTimeOffset readAt)
    {
        var age = time.GetUtcNow() - readAt;
        return age < MaxAge && age > -_maxLead && readAt > refresh.ToldAt;
    }

    private sealed record Told(FrozenSet<ClusterId> Clusters, DateTimeOffset ReadAt);
}

using System.Buffers.Binary;

namespace Tracking.Database.Hosts;

/// <summary>
/// Names in the shared cache (<c>tracking:1:domain:&lt;name&gt;</c>). A process that has read a name from PostgreSQL
/// writes it, and the other processes read it. An entry is valid for <see cref="MaxAge"/> after the read of PostgreSQL,
/// even if Redis keeps it longer. It must also include every transaction that the reader's last poll of PostgreSQL
/// included; the next poll finds later changes.
/// Content: when PostgreSQL was read (i64, ticks UTC), the oldest transaction then running (u64), both
/// little-endian, then <see cref="TrackingHostBytes"/>.
/// </summary>
/// <param name="Read">Reads a key. Never throws, and returns <see langword="null"/> while there is no cache.</param>
/// <param name="Write">Writes a key with a lifetime. Never waits.</param>
public sealed record SharedTrackingHosts(
    Func<string, ValueTask<byte[]?>> Read, Action<string, byte[], TimeSpan> Write)
{
    /// <summary>How long an entry is valid. Without the bus a deleted name must stop working within 60 s; 15 s of them
    /// are left for clocks that differ.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(45);

    /// <summary>An entry whose read lies further in the future than this is not valid, because a wrong clock would
    /// extend its age.</summary>
    public static readonly TimeSpan MaxLead = TimeSpan.FromSeconds(15);

    private const int HeaderSize = 2 * sizeof(long);

    internal async ValueTask<TrackingHost?> ReadAsync(string name, DateTimeOffset now, ulong horizon)
    {
        if (await Read(Key(name)) is not { Length: > HeaderSize } content)
        {
            return null;
        }

        var ticks = BinaryPrimitives.ReadInt64LittleEndian(content);
        var age = now.UtcTicks - ticks;
        return age < MaxAge.Ticks && age > -MaxLead.Ticks
            && BinaryPrimitives.ReadUInt64LittleEndian(content.AsSpan(sizeof(long))) >= horizon
            && TrackingHostBytes.TryDecode(content, HeaderSize, out var hostname, out var host)
            && hostname == name
                ? host
                : null;
    }

    internal void Offer(TrackingHost host, DateTimeOffset readAt, ulong seen)
    {
        var rows = TrackingHostBytes.Encode(host.Hostname, host);
        var content = new byte[HeaderSize + rows.Length];
        BinaryPrimitives.WriteInt64LittleEndian(content, readAt.UtcTicks);
        BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(sizeof(long)), seen);
        rows.CopyTo(content.AsSpan(HeaderSize));
        Write(Key(host.Hostname), content, MaxAge);
    }

    private static string Key(string name) => "domain:" + name;
}

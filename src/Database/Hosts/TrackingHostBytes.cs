using System.Diagnostics.CodeAnalysis;
using System.Text;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Database.Hosts;

/// <summary>
/// The domains of one name as bytes, in the shared cache and in the edge's copy: version (u8), length of the name (u8),
/// the name (ASCII), number of domains (u8), and of each the cluster (i32), its properties as bits (u8: 1 active, 2
/// retired, 4 clicks, 8 opens, 16 https optional, 32 imported links, the highest two its level), the end of its
/// certificate (ticks UTC i64, 0 for none), the number of excluded destinations (u16) and each of them (length u16,
/// UTF-8), and in version 2 its UTM parameters (length u16, UTF-8). Little-endian. Names without such parameters are
/// written in version 1, which processes of the previous release read too.
/// </summary>
public static class TrackingHostBytes
{
    private const byte Version = 1;
    private const byte VersionWithUtm = 2;
    private const byte Active = 1, Retired = 2, Clicks = 4, Opens = 8, HttpOptional = 16, Imported = 32;
    private const int LevelShift = 6;

    /// <summary>Writes a name's domains. A name that is no longer a tracking domain has none.</summary>
    public static byte[] Encode(string hostname, TrackingHost? first)
    {
        using var stream = new MemoryStream(64);
        using var writer = new BinaryWriter(stream);
        var version = HasUtm(first) ? VersionWithUtm : Version;
        writer.Write(version);
        writer.Write((byte)hostname.Length);
        writer.Write(Encoding.ASCII.GetBytes(hostname));
        var count = 0;
        for (var host = first; host is not null && count < byte.MaxValue; host = host.Next)
        {
            count++;
        }

        writer.Write((byte)count);
        for (var host = first; count > 0; host = host!.Next, count--)
        {
            writer.Write(host!.Cluster.Value);
            writer.Write((byte)(
                (host.Status == DomainStatus.Active ? Active : 0)
                | (host.IsRetired ? Retired : 0)
                | (host.TracksClicks ? Clicks : 0)
                | (host.TracksOpens ? Opens : 0)
                | (host.Https == HttpsPolicy.Optional ? HttpOptional : 0)
                | (host.HasImportedLinks ? Imported : 0)
                | ((int)host.TrackingLevel << LevelShift)));
            writer.Write(host.CertificateUntil?.UtcTicks ?? 0);
            writer.Write((ushort)host.ExcludedDomains.Length);
            foreach (var excluded in host.ExcludedDomains)
            {
                Write(writer, excluded);
            }

            if (version == VersionWithUtm)
            {
                Write(writer, host.Utm);
            }
        }

        writer.Flush();
        return stream.ToArray();
    }

    /// <summary>Reads a name's domains.</summary>
    /// <param name="bytes">The bytes that <see cref="Encode"/> wrote.</param>
    /// <param name="offset">The index of the first byte.</param>
    /// <param name="hostname">The name.</param>
    /// <param name="first">The name's domains, an active one first; <see langword="null"/> for none.</param>
    /// <returns><see langword="false"/> when another version wrote the bytes, or they are incomplete.</returns>
    public static bool TryDecode(
        byte[] bytes, int offset, [NotNullWhen(true)] out string? hostname, out TrackingHost? first)
    {
        (hostname, first) = (null, null);
        using var reader = new BinaryReader(new MemoryStream(bytes, offset, bytes.Length - offset, writable: false));
        try
        {
            var version = reader.ReadByte();
            if (version is not (Version or VersionWithUtm))
            {
                return false;
            }

            var name = Encoding.ASCII.GetString(reader.ReadBytes(reader.ReadByte()));
            TrackingHost? head = null, last = null;
            for (var left = reader.ReadByte(); left > 0; left--)
            {
                var host = ReadHost(reader, name, version);
                head ??= host;
                if (last is not null)
                {
                    last.Next = host;
                }

                last = host;
            }

            (hostname, first) = (name, head);
            return true;
        }
        catch (Exception exception) when (exception is EndOfStreamException or ArgumentOutOfRangeException)
        {
            return false;
        }
    }

    private static bool HasUtm(TrackingHost? host)
    {
        while (host is { Utm.Length: 0 })
        {
            host = host.Next;
        }

        return host is not null;
    }

    private static void Write(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ushort)bytes.Length);
        writer.Write(bytes);
    }

    // BinaryReader.ReadBytes returns fewer bytes at the end.
    private static string ReadText(BinaryReader reader)
    {
        var bytes = new byte[reader.ReadUInt16()];
        reader.BaseStream.ReadExactly(bytes);
        return Encoding.UTF8.GetString(bytes);
    }

    private static TrackingHost ReadHost(BinaryReader reader, string name, byte version)
    {
        var cluster = new ClusterId(reader.ReadInt32());
        var bits = reader.ReadByte();
        var until = reader.ReadInt64();
        string[] excluded = reader.ReadUInt16() is var count && count == 0 ? [] : new string[count];
        for (var i = 0; i < excluded.Length; i++)
        {
            excluded[i] = ReadText(reader);
        }

        return new TrackingHost(
            name,
            cluster,
            (bits & Active) != 0 ? DomainStatus.Active : DomainStatus.Pending,
            until == 0 ? null : new DateTimeOffset(until, TimeSpan.Zero),
            (bits & HttpOptional) != 0 ? HttpsPolicy.Optional : HttpsPolicy.Required)
        {
            IsRetired = (bits & Retired) != 0,
            TracksClicks = (bits & Clicks) != 0,
            TracksOpens = (bits & Opens) != 0,
            ExcludedDomains = excluded,
            HasImportedLinks = (bits & Imported) != 0,
            TrackingLevel = (TrackingLevel)(bits >> LevelShift),
            Utm = version == VersionWithUtm ? ReadText(reader) : "",
        };
    }
}

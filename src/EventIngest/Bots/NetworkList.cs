using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using MaxMind.Db;
using Tracking.Links;

namespace Tracking.EventIngest.Bots;

/// <summary>
/// Finds the owner of an address in a file of the format MMDB 2.0. The whole file is in memory, so the file on disk may
/// be replaced at any time. One look-up serves all addresses of a network, as a truncated address stands for its whole
/// network.
/// </summary>
internal sealed class NetworkList : IDisposable
{
    /// <summary>The longest file that is accepted, in bytes. Files of autonomous systems have about ten
    /// megabytes.</summary>
    public const long MostBytes = 256L << 20;

    private const int Slots = 8192;

    private readonly Reader _reader;
    private readonly Known?[] _known = new Known?[Slots];

    private NetworkList(Reader reader)
    {
        _reader = reader;
        Version = reader.Metadata.BuildDate.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
    }

    /// <summary>The date on which the file was made.</summary>
    public string Version { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="FormatException">The file has another format. The message says what is wrong.</exception>
    public static NetworkList Read(Stream file)
    {
        try
        {
            return new NetworkList(new Reader(file));
        }
        catch (InvalidDatabaseException exception)
        {
            throw new FormatException($"It is not a file of networks: {exception.Message}", exception);
        }
    }

    /// <summary>The reason that the network of an address gives for an event; <see langword="null"/> if none.</summary>
    /// <param name="address">4 or 16 bytes; an IPv4 address may be mapped to IPv6.</param>
    /// <param name="kind">The kind of the requested link.</param>
    public Reason? Find(ReadOnlySpan<byte> address, LinkKind kind)
    {
        if (address.Length == 16 && new IPAddress(address).IsIPv4MappedToIPv6)
        {
            address = address[12..];
        }

        // The prefixes are /24 and /48: no table of autonomous systems has smaller networks.
        var length = address.Length == 4 ? 3 : 6;
        ulong network = (ulong)length << 56;
        address[..length].CopyTo(MemoryMarshal.AsBytes(new Span<ulong>(ref network)));
        ref var slot = ref _known[(uint)network.GetHashCode() % Slots];
        if (Volatile.Read(ref slot) is not { } known || known.Network != network)
        {
            known = new Known(network, SystemOf(new IPAddress(address)));
            Volatile.Write(ref slot, known);
        }

        return NetworkRules.Of(known.System, kind);
    }

    /// <inheritdoc/>
    public void Dispose() => _reader.Dispose();

    private long SystemOf(IPAddress address)
    {
        var found = _reader.Find<Dictionary<string, object>>(address);
        return found?.GetValueOrDefault("autonomous_system_number") switch
        {
            null => 0,
            var number => Convert.ToInt64(number, CultureInfo.InvariantCulture),
        };
    }

    private sealed record Known(ulong Network, long System);
}

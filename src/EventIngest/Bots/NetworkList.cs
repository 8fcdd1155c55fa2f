using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using MaxMind.Db;
using Tracking.Links;

namespace Tracking.EventIngest.Bots;

/// <summary>
/// Whose address it is, from a file in the format MMDB 2.0. The whole file is in memory, so that it may be replaced on
/// disk at any time. Neighbours are asked for once: a truncated address stands for its whole network.
/// </summary>
internal sealed class NetworkList : IDisposable
{
    /// <summary>The longest file that is taken, in bytes: those of autonomous systems have about ten
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

    /// <summary>The day on which it was made.</summary>
    public string Version { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="FormatException">It is no such file; the message says what is wrong.</exception>
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

    /// <summary>What the network of an address says of an event; <see langword="null"/> when nothing.</summary>
    /// <param name="address">4 or 16 bytes, one that is mapped to IPv6 too.</param>
    /// <param name="kind">What was asked for.</param>
    public Reason? Find(ReadOnlySpan<byte> address, LinkKind kind)
    {
        if (address.Length == 16 && new IPAddress(address).IsIPv4MappedToIPv6)
        {
            address = address[12..];
        }

        // To /24 and /48: no table of systems divides further.
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

using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Text;

namespace Tracking.Tls.Connections;

/// <summary>How far the beginning of a connection has been read as a PROXY header.</summary>
internal enum ProxyHeaderOutcome
{
    /// <summary>The bytes may become a PROXY header.</summary>
    Incomplete,

    /// <summary>The bytes begin with a PROXY header.</summary>
    Complete,

    /// <summary>The bytes are no PROXY header, or a broken one.</summary>
    Invalid,
}

/// <summary>
/// A header of the PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt): it names the client that
/// connected to the load balancer.
/// </summary>
/// <param name="Length">The header's length in bytes.</param>
/// <param name="Source">The client; <see langword="null"/> if the balancer connects for itself or does not know the
/// client.</param>
internal readonly record struct ProxyHeader(int Length, IPEndPoint? Source)
{
    /// <summary>The most bytes of a header. The fields after the addresses in version 2 have less than 100 bytes at
    /// cloud balancers, and a few hundred with the names of a client's certificate. The format allows 65,551 bytes.
    /// </summary>
    public const int MaxLength = 4_096;

    // The longest header of version 1 with its line end, from the specification.
    private const int MaxLine = 107;
    private const int FixedPart = 16;

    private static ReadOnlySpan<byte> LineStart => "PROXY "u8;

    private static ReadOnlySpan<byte> Signature => "\r\n\r\n\0\r\nQUIT\n"u8;

    /// <summary>Reads the header at the beginning of the received bytes.</summary>
    public static ProxyHeaderOutcome Read(in ReadOnlySequence<byte> arrived, out ProxyHeader header)
    {
        Span<byte> start = stackalloc byte[(int)Math.Min(MaxLength, arrived.Length)];
        arrived.Slice(0, start.Length).CopyTo(start);
        header = default;
        return BeginsLike(start, Signature) ? ReadBinary(start, out header)
            : BeginsLike(start, LineStart) ? ReadLine(start, out header)
            : ProxyHeaderOutcome.Invalid;
    }

    private static bool BeginsLike(ReadOnlySpan<byte> start, ReadOnlySpan<byte> mark)
    {
        var common = Math.Min(start.Length, mark.Length);
        return start[..common].SequenceEqual(mark[..common]);
    }

    private static ProxyHeaderOutcome ReadLine(ReadOnlySpan<byte> start, out ProxyHeader header)
    {
        header = default;
        var end = start[..Math.Min(start.Length, MaxLine)].IndexOf("\r\n"u8);
        if (end < 0)
        {
            return start.Length < MaxLine ? ProxyHeaderOutcome.Incomplete : ProxyHeaderOutcome.Invalid;
        }

        var words = Encoding.Latin1.GetString(start[..end]).Split(' ');
        if (words[1] == "UNKNOWN")
        {
            header = new ProxyHeader(end + 2, Source: null);
            return ProxyHeaderOutcome.Complete;
        }

        if (words is not ["PROXY", "TCP4" or "TCP6", var source, var destination, var sourcePort, var destinationPort]
            || !TryParse(words[1], source, sourcePort, out var client)
            || !TryParse(words[1], destination, destinationPort, out _))
        {
            return ProxyHeaderOutcome.Invalid;
        }

        header = new ProxyHeader(end + 2, client);
        return ProxyHeaderOutcome.Complete;
    }

    private static bool TryParse(string family, string address, string port, [NotNullWhen(true)] out IPEndPoint? end)
    {
        end = null;
        // IPAddress also accepts "1" and scopes. The specification allows neither, and no leading zeros or signs in
        // ports.
        var isForm = family == "TCP4"
            ? address.Count(character => character == '.') == 3
            : address.Contains(':', StringComparison.Ordinal)
                && address.All(c => c is ':' or '.' || char.IsAsciiHexDigit(c));
        if (!isForm || !IPAddress.TryParse(address, out var parsed)
            || port.Length is 0 or > 5 || !port.All(char.IsAsciiDigit) || (port.Length > 1 && port[0] == '0')
            || !ushort.TryParse(port, out var number))
        {
            return false;
        }

        end = new IPEndPoint(parsed, number);
        return true;
    }

    private static ProxyHeaderOutcome ReadBinary(ReadOnlySpan<byte> start, out ProxyHeader header)
    {
        header = default;
        if (start.Length < FixedPart)
        {
            return start.Length > Signature.Length && start[Signature.Length] is not (0x20 or 0x21)
                ? ProxyHeaderOutcome.Invalid
                : ProxyHeaderOutcome.Incomplete;
        }

        // Version 2 in the upper half; 0 is LOCAL, 1 is PROXY.
        var command = start[12];
        var length = FixedPart + BinaryPrimitives.ReadUInt16BigEndian(start[14..]);
        if (command is not (0x20 or 0x21) || length > MaxLength)
        {
            return ProxyHeaderOutcome.Invalid;
        }

        if (start.Length < length)
        {
            return ProxyHeaderOutcome.Incomplete;
        }

        // The order is source address, destination address, source port, destination port, then fields that are not
        // read here. Other families, such as datagrams and local sockets, have no client address.
        var rest = start[FixedPart..length];
        var size = start[13] switch { 0x11 => 4, 0x21 => 16, _ => 0 };
        if (command == 0x20 || size == 0)
        {
            header = new ProxyHeader(length, Source: null);
            return ProxyHeaderOutcome.Complete;
        }

        if (rest.Length < (2 * size) + 4)
        {
            return ProxyHeaderOutcome.Invalid;
        }

        header = new ProxyHeader(length, new IPEndPoint(
            new IPAddress(rest[..size]), BinaryPrimitives.ReadUInt16BigEndian(rest[(2 * size)..])));
        return ProxyHeaderOutcome.Complete;
    }
}

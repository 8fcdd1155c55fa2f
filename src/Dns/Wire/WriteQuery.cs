using System.Buffers.Binary;

namespace Tracking.Dns.Wire;

/// <summary>Writes questions in wire form.</summary>
internal static class WriteQuery
{
    /// <summary>Octets of the header.</summary>
    public const int HeaderLength = 12;

    /// <summary>The largest UDP answer that we accept according to EDNS. It fits into one packet everywhere (DNS flag
    /// day 2020).</summary>
    public const int UdpSize = 1232;

    private const int MostOctets = HeaderLength + DnsName.MaxWireLength + 4 + 11;

    /// <summary>Writes a question.</summary>
    /// <param name="id">The id, from a cryptographic random generator.</param>
    /// <param name="question">The question.</param>
    /// <param name="withEdns">Whether to add an OPT record. The record announces our UDP size, and that we read
    /// extended errors.</param>
    /// <param name="flags">RD and CD; set for resolvers only.</param>
    /// <param name="questionLength">The octets of the question section, which follows the header.</param>
    public static byte[] Write(
        ushort id, DnsQuestion question, bool withEdns, QueryFlags flags, out int questionLength)
    {
        Span<byte> wire = stackalloc byte[MostOctets];
        wire.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(wire, id);
        BinaryPrimitives.WriteUInt16BigEndian(wire[2..], (ushort)flags);
        wire[5] = 1;
        var length = HeaderLength + question.Name.WriteTo(wire.Slice(HeaderLength, DnsName.MaxWireLength));
        BinaryPrimitives.WriteUInt16BigEndian(wire[length..], (ushort)question.Type);
        wire[length + 3] = 1;
        length += 4;
        questionLength = length - HeaderLength;
        if (withEdns)
        {
            wire[11] = 1;
            BinaryPrimitives.WriteUInt16BigEndian(wire[(length + 1)..], ReadMessage.OptType);
            BinaryPrimitives.WriteUInt16BigEndian(wire[(length + 3)..], UdpSize);
            length += 11;
        }

        return wire[..length].ToArray();
    }
}

/// <summary>Flags of a question's header.</summary>
[Flags]
internal enum QueryFlags : ushort
{
    /// <summary>No flag, for name servers of zones.</summary>
    None = 0,

    /// <summary>RD: recursion desired.</summary>
    Recursion = 0x0100,

    /// <summary>CD: checking disabled, that is, no validation of signatures.</summary>
    CheckingDisabled = 0x0010,
}

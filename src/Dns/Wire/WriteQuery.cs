using System.Buffers.Binary;

namespace Tracking.Dns.Wire;

/// <summary>Questions as they are sent.</summary>
internal static class WriteQuery
{
    /// <summary>Octets of the header.</summary>
    public const int HeaderLength = 12;

    /// <summary>The largest answer over UDP that we ask for: fits into one packet everywhere (DNS flag day
    /// 2020).</summary>
    public const int UdpSize = 1232;

    private const int MostOctets = HeaderLength + DnsName.MaxWireLength + 4 + 11;

    /// <summary>A question in wire form.</summary>
    /// <param name="id">Its id, from a random generator that nobody can predict.</param>
    /// <param name="question">What is asked.</param>
    /// <param name="withEdns">Whether it says what EDNS says: our size, and that we read extended errors.</param>
    /// <param name="flags">RD and CD, for resolvers.</param>
    /// <param name="questionLength">Octets of the question section, behind the header.</param>
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

/// <summary>Bits of a question's header.</summary>
[Flags]
internal enum QueryFlags : ushort
{
    /// <summary>As name servers of zones are asked.</summary>
    None = 0,

    /// <summary>RD: find it out.</summary>
    Recursion = 0x0100,

    /// <summary>CD: without a check of signatures.</summary>
    CheckingDisabled = 0x0010,
}

using System.Buffers.Binary;
using System.Net;
using Tracking.Dns.Wire;

namespace Tracking.Dns.Tests;

/// <summary>Builds answers, right ones and such as nobody should send.</summary>
internal sealed class Message
{
    private readonly List<byte> _bytes = [];

    /// <summary>An empty message with the header of an authoritative answer.</summary>
    public Message(int id = 0, int flags = 0x8400) => U16(id).U16(flags).U16(0).U16(0).U16(0).U16(0);

    /// <summary>An answer to a query: its id, its question, AA.</summary>
    public static Message To(ReadOnlySpan<byte> query, int rcode = 0, int flags = 0x8400)
    {
        var message = new Message(BinaryPrimitives.ReadUInt16BigEndian(query), flags | rcode);
        var end = WriteQuery.HeaderLength;
        while (query[end] != 0)
        {
            end += 1 + query[end];
        }

        message._bytes.AddRange(query[WriteQuery.HeaderLength..(end + 5)]);
        return message.Count(4, 1);
    }

    public byte[] Bytes => [.. _bytes];

    public int Length => _bytes.Count;

    public Message Count(int position, int count)
    {
        _bytes[position] = (byte)(count >> 8);
        _bytes[position + 1] = (byte)count;
        return this;
    }

    public Message Question(string name, DnsType type = DnsType.A) =>
        Count(4, 1).Name(name).U16((int)type).U16(1);

    public Message Answer(string owner, DnsType type, int ttl, params byte[] data) =>
        Record(6, owner, (int)type, ttl, data);

    public Message Alias(string owner, string target, int ttl = 300, DnsType type = DnsType.Cname) =>
        Record(6, owner, (int)type, ttl, Wire(target));

    public Message Address(string owner, string address, int ttl = 300)
    {
        var bytes = IPAddress.Parse(address).GetAddressBytes();
        return Record(6, owner, (int)(bytes.Length == 4 ? DnsType.A : DnsType.Aaaa), ttl, bytes);
    }

    public Message Soa(string zone, int ttl, int minimum) => Record(8, zone, (int)DnsType.Soa, ttl,
    [
        .. Wire("ns." + zone), .. Wire("host." + zone), .. new byte[16],
        (byte)(minimum >> 24), (byte)(minimum >> 16), (byte)(minimum >> 8), (byte)minimum,
    ]);

    public Message Ns(string zone, string server, int section = 8, int ttl = 300) =>
        Record(section, zone, (int)DnsType.Ns, ttl, Wire(server));

    public Message Glue(string owner, string address) =>
        Record(10, owner, (int)DnsType.A, 300, IPAddress.Parse(address).GetAddressBytes());

    public Message Opt(int upperRcode = 0, params byte[] options) =>
        Increment(10).Raw(0).U16(41).U16(1232).Raw((byte)upperRcode, 0, 0, 0).U16(options.Length).Raw(options);

    /// <summary>An option of EDNS with an extended error.</summary>
    public static byte[] Error(int code, string text) =>
        [0, 15, 0, (byte)(2 + text.Length), 0, (byte)code, .. System.Text.Encoding.UTF8.GetBytes(text)];

    public Message Record(int section, string owner, int type, int ttl, byte[] data) =>
        Increment(section).Name(owner).U16(type).U16(1).U16(ttl >> 16).U16(ttl).U16(data.Length).Raw(data);

    public Message Increment(int section)
    {
        var count = (_bytes[section] << 8) | _bytes[section + 1];
        return Count(section, count + 1);
    }

    public Message Name(string name) => Raw(Wire(name));

    public Message U16(int value) => Raw((byte)(value >> 8), (byte)value);

    public Message Raw(params byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public static byte[] Wire(string name)
    {
        Assert.True(DnsName.TryParse(name, out var parsed), name);
        var wire = new byte[DnsName.MaxWireLength];
        return wire[..parsed.WriteTo(wire)];
    }
}

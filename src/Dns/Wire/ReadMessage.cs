using System.Buffers.Binary;
using System.Net;

namespace Tracking.Dns.Wire;

/// <summary>
/// Parses a message of an untrusted server.
/// <list type="number">
/// <item>No octet outside the message is read.</item>
/// <item>A compression pointer must point before the part of the name that it ends, and never into the header. So every
/// name ends.</item>
/// <item>A name has at most 255 octets, a message at most <see cref="MostRecords"/> records and
/// <see cref="MostNameOctets"/> octets of names: a short message cannot expand into a long one.</item>
/// <item>Only records of the types A, AAAA, CNAME, DNAME, NS and SOA are read. Others are skipped.</item>
/// <item>A message that breaks a rule is read as <see langword="null"/>. Nothing throws.</item>
/// </list>
/// </summary>
internal ref struct ReadMessage
{
    /// <summary>The record type OPT of EDNS (RFC 6891).</summary>
    public const ushort OptType = 41;

    /// <summary>The most records of a message. Real messages have some dozens at most, over TCP.</summary>
    public const int MostRecords = 512;

    /// <summary>The most octets of all names of a message, after decompression: sixteen times what fits into a
    /// packet.</summary>
    public const int MostNameOctets = 20_000;

    // Signatures come beside the records that were asked for (RFC 4034, 3).
    private const ushort RrsigType = 46;

    // The most pointers of one name. Real names have one or two.
    private const int MostJumps = 64;
    private readonly ReadOnlySpan<byte> _wire;
    private int _position;
    private int _nameOctets;
    private int _records;
    private int _othersInAnswer;
    private bool _hasOpt;
    private ushort _upperRcode;
    private IReadOnlyList<ExtendedError>? _errors;

    private ReadMessage(ReadOnlySpan<byte> wire)
    {
        _wire = wire;
        _position = WriteQuery.HeaderLength;
    }

    /// <summary>Reads a message with one question, or with none.</summary>
    /// <returns><see langword="null"/> when the message breaks a rule.</returns>
    public static DnsMessage? Read(ReadOnlySpan<byte> wire)
    {
        if (wire.Length < WriteQuery.HeaderLength)
        {
            return null;
        }

        var reader = new ReadMessage(wire);
        return reader.Read();
    }

    private DnsMessage? Read()
    {
        int questions = Header(4);
        if (questions > 1 || (questions == 1 && !(SkipName() && Skip(4))))
        {
            return null;
        }

        if (!TryReadSection(Header(6), Section.Answer, out var answers)
            || !TryReadSection(Header(8), Section.Authority, out var authority)
            || !TryReadSection(Header(10), Section.Additional, out var additional))
        {
            return null;
        }

        int flags = Header(2);
        // Octets after the last record are ignored: some servers add padding.
        return new DnsMessage
        {
            Rcode = (DnsRcode)((flags & 0xF) | _upperRcode),
            IsAuthoritative = (flags & 0x0400) != 0,
            IsTruncated = (flags & 0x0200) != 0,
            IsAuthentic = (flags & 0x0020) != 0,
            Answers = answers,
            OtherAnswers = _othersInAnswer,
            Authority = authority,
            Additional = additional,
            ExtendedErrors = _errors ?? [],
        };
    }

    private bool TryReadSection(int count, Section section, out List<DnsRecord> records)
    {
        records = [];
        for (var i = 0; i < count; i++)
        {
            if (++_records > MostRecords || !TryReadRecord(section, records))
            {
                return false;
            }
        }

        return true;
    }

    private bool TryReadRecord(Section section, List<DnsRecord> records)
    {
        var ownerStart = _position;
        if (!SkipName() || _wire.Length - _position < 10)
        {
            return false;
        }

        var fixedPart = _wire.Slice(_position, 10);
        var type = BinaryPrimitives.ReadUInt16BigEndian(fixedPart);
        var recordClass = BinaryPrimitives.ReadUInt16BigEndian(fixedPart[2..]);
        var ttl = BinaryPrimitives.ReadUInt32BigEndian(fixedPart[4..]);
        int length = BinaryPrimitives.ReadUInt16BigEndian(fixedPart[8..]);
        _position += 10;
        var data = _position;
        if (!Skip(length))
        {
            return false;
        }

        if (type == OptType)
        {
            // A message has at most one OPT record. Its owner is the root, and its section is the additional one (RFC
            // 6891, 6.1.1).
            var isAllowed = section == Section.Additional && !_hasOpt && _wire[ownerStart] == 0;
            _hasOpt = true;
            _upperRcode = (ushort)(ttl >> 24 << 4);
            _errors = ReadOptions.Read(_wire.Slice(data, length));
            return isAllowed && _errors is not null;
        }

        if (recordClass != 1
            || (DnsType)type is not (DnsType.A or DnsType.Aaaa or DnsType.Cname or DnsType.Dname or DnsType.Ns
                or DnsType.Soa))
        {
            _othersInAnswer += section == Section.Answer && type != RrsigType ? 1 : 0;
            return true;
        }

        return TryReadName(ownerStart, out var owner, out _)
            && TryReadData(owner, (DnsType)type, Seconds(ttl), data, length, records);
    }

    private bool TryReadData(
        DnsName owner, DnsType type, TimeSpan ttl, int data, int length, List<DnsRecord> records)
    {
        switch (type)
        {
            case DnsType.A or DnsType.Aaaa:
                if (length != (type == DnsType.A ? 4 : 16))
                {
                    return false;
                }

                records.Add(new AddressRecord(owner, type, ttl, new IPAddress(_wire.Slice(data, length))));
                return true;

            case DnsType.Soa:
                if (!TryReadName(data, out _, out var end) || !TryReadName(end, out _, out end)
                    || end + 20 != data + length)
                {
                    return false;
                }

                var minimum = BinaryPrimitives.ReadUInt32BigEndian(_wire[(end + 16)..]);
                records.Add(new SoaRecord(owner, ttl, Seconds(minimum)));
                return true;

            default:
                if (!TryReadName(data, out var target, out end) || end != data + length)
                {
                    return false;
                }

                records.Add(new NameRecord(owner, type, ttl, target));
                return true;
        }
    }

    // A TTL with its highest bit set counts as 0 (RFC 2181, 8).
    private static TimeSpan Seconds(uint seconds) => TimeSpan.FromSeconds(seconds > int.MaxValue ? 0 : seconds);

    private readonly ushort Header(int position) => BinaryPrimitives.ReadUInt16BigEndian(_wire[position..]);

    private bool Skip(int length)
    {
        if (length > _wire.Length - _position)
        {
            return false;
        }

        _position += length;
        return true;
    }

    // Checks the form only. The targets of pointers are checked when the name is read.
    private bool SkipName()
    {
        while (_position < _wire.Length)
        {
            int length = _wire[_position];
            switch (length & 0xC0)
            {
                case 0 when length == 0:
                    _position++;
                    return true;
                case 0 when Skip(1 + length):
                    continue;
                case 0xC0:
                    return Skip(2);
                default:
                    return false;
            }
        }

        return false;
    }

    private bool TryReadName(int start, out DnsName name, out int end)
    {
        name = default;
        end = -1;
        Span<byte> labels = stackalloc byte[DnsName.MaxWireLength];
        var length = 0;
        var jumps = 0;
        // The start of the current part of the name. A pointer must point before it.
        var part = start;
        for (var position = start; position < _wire.Length;)
        {
            int octet = _wire[position];
            if ((octet & 0xC0) == 0xC0)
            {
                if (position + 1 >= _wire.Length)
                {
                    return false;
                }

                if (end < 0)
                {
                    end = position + 2;
                }

                var target = ((octet & 0x3F) << 8) | _wire[position + 1];
                if (target >= part || target < WriteQuery.HeaderLength || ++jumps > MostJumps)
                {
                    return false;
                }

                position = part = target;
                continue;
            }

            if ((octet & 0xC0) != 0 || position + 1 + octet > _wire.Length || length + 1 + octet > labels.Length)
            {
                return false;
            }

            _wire.Slice(position, 1 + octet).CopyTo(labels[length..]);
            length += 1 + octet;
            position += 1 + octet;
            if (octet == 0)
            {
                if (end < 0)
                {
                    end = position;
                }

                _nameOctets += length;
                return _nameOctets <= MostNameOctets && DnsName.TryDecode(labels[..length], out name);
            }
        }

        return false;
    }

    private enum Section : byte
    {
        Answer,
        Authority,
        Additional,
    }
}

using DnsClient;
using DnsClient.Protocol;
using DnsClient.Protocol.Options;

namespace Tracking.Dns.Wire;

/// <summary>Converts the library's answer to <see cref="DnsMessage"/>.</summary>
internal static class ReadResponse
{
    /// <summary>Converts an answer. Records of unknown types are left out.</summary>
    public static DnsMessage Read(IDnsQueryResponse response)
    {
        var opt = response.Additionals.OfType<OptRecord>().FirstOrDefault();
        return new DnsMessage
        {
            Rcode = (DnsRcode)(ushort)response.Header.ResponseCode,
            IsAuthoritative = response.Header.HasAuthorityAnswer,
            IsTruncated = response.Header.ResultTruncated,
            IsAuthentic = response.Header.IsAuthenticData,
            Answers = Records(response.Answers),
            OtherAnswers = response.Answers.Count(IsOther),
            Authority = Records(response.Authorities),
            Additional = Records(response.Additionals),
            ExtendedErrors = ReadOptions.Read(opt?.Data) ?? [],
        };
    }

    private static bool IsOther(DnsResourceRecord record) =>
        record.RecordType is not (ResourceRecordType.RRSIG or (ResourceRecordType)DnsType.Dname)
        && record is not (ARecord or AaaaRecord or CNameRecord or NsRecord or global::DnsClient.Protocol.SoaRecord
            or global::DnsClient.Protocol.CaaRecord);

    private static List<DnsRecord> Records(IEnumerable<DnsResourceRecord> records)
    {
        var read = new List<DnsRecord>();
        foreach (var record in records)
        {
            if (DnsName.TryParse(record.DomainName.Value, out var owner)
                && Record(record, owner, TimeSpan.FromSeconds(Math.Max(0, record.InitialTimeToLive))) is { } known)
            {
                read.Add(known);
            }
        }

        return read;
    }

    private static DnsRecord? Record(DnsResourceRecord record, DnsName owner, TimeSpan ttl) => record switch
    {
        ARecord a => new AddressRecord(owner, DnsType.A, ttl, a.Address),
        AaaaRecord aaaa => new AddressRecord(owner, DnsType.Aaaa, ttl, aaaa.Address),
        CNameRecord cname when DnsName.TryParse(cname.CanonicalName.Value, out var target) =>
            new NameRecord(owner, DnsType.Cname, ttl, target),
        NsRecord ns when DnsName.TryParse(ns.NSDName.Value, out var target) =>
            new NameRecord(owner, DnsType.Ns, ttl, target),
        global::DnsClient.Protocol.SoaRecord soa => new SoaRecord(owner, ttl, TimeSpan.FromSeconds(soa.Minimum)),
        global::DnsClient.Protocol.CaaRecord caa => new CaaRecord(
            owner, ttl, (caa.Flags & 0x80) != 0, Shown(caa.Tag).ToLowerInvariant(), Shown(caa.Value)),
        _ => null,
    };

    // Untrusted octets, made printable.
    private static string Shown(string text) =>
        string.Concat(text.Select(character => character is >= ' ' and <= '~' ? character : '?'));
}

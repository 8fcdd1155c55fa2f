using System.Net;
using Tracking.Dns.Wire;
using static Tracking.Dns.Tests.Asking;

namespace Tracking.Dns.Tests.Wire;

public sealed class ReadMessageTests
{
    private const int Header = WriteQuery.HeaderLength;

    // Each breaks a rule; the name says which.
    private static readonly Dictionary<string, Func<byte[]>> _broken = new()
    {
        ["shorter than a header"] = () => new byte[11],
        ["65,535 records in 40 octets"] = () => [.. Start().Count(6, 65535).Bytes, .. new byte[10]],
        ["two questions"] = () => Start().Question("a.example").Question("a.example").Count(4, 2).Bytes,
        ["a pointer to itself"] = () => Alias(0xC0, Header + 12),
        ["a pointer forward"] = () => Alias(0xC0, Header + 14, 0),
        ["a loop of two pointers"] = () => Alias(0xC0, Header + 14, 0xC0, Header + 12),
        ["a pointer into the header"] = () => Alias(0xC0, 4),
        ["a pointer beyond the end"] = () => Alias(0xFF, 0xFF),
        ["half a pointer"] = () => Start().Increment(6).Raw(0).U16(5).U16(1).U16(0).U16(60).U16(1).Raw(0xC0).Bytes,
        ["label type 0x40"] = () => Alias(0x41, 1, 0),
        ["label type 0x80"] = () => Alias(0x81, 1, 0),
        ["a name of 256 octets"] = () => Alias(Labels(63, 63, 63, 62, 1)),
        ["a name of 129 labels"] = () => Alias(Labels(Enumerable.Repeat(1, 129).ToArray())),
        ["a name without end"] = () => Alias(3, (byte)'a', (byte)'b', (byte)'c'),
        ["a name that ends beyond its data"] = () => Start().Increment(6)
            .Raw(0).U16(5).U16(1).U16(0).U16(60).U16(2).Raw(1, (byte)'a', 0).Bytes,
        ["data beyond the end"] = () => Start().Increment(6).Raw(0).U16(1).U16(1).U16(0).U16(60).U16(400).Raw(1).Bytes,
        ["an address of three octets"] = () => Start().Answer("a.example", DnsType.A, 60, 1, 2, 3).Bytes,
        ["an IPv6 address of four octets"] = () => Start().Answer("a.example", DnsType.Aaaa, 60, 1, 2, 3, 4).Bytes,
        ["an SOA without its numbers"] = () => Start().Answer("example", DnsType.Soa, 60, 0, 0).Bytes,
        ["OPT twice"] = () => Start().Opt().Opt().Bytes,
        ["OPT in the answer"] = () => Start().Record(6, "", 41, 0, []).Bytes,
        ["OPT with a name"] = () => Start().Record(10, "a.example", 41, 0, []).Bytes,
        ["an option beyond OPT"] = () => Start().Opt(0, 0, 15, 0, 9, 0, 6).Bytes,
        ["an extended error of one octet"] = () => Start().Opt(0, 0, 15, 0, 1, 6).Bytes,
        ["513 records"] = () => Enumerable.Range(0, 513)
            .Aggregate(Start(), (message, _) => message.Record(6, "", 1, 0, [1, 2, 3, 4])).Bytes,
        ["more names than fit"] = () =>
        {
            var message = Start().Increment(6).Raw(Labels(63, 63, 63, 61))
                .U16(1).U16(1).U16(0).U16(0).U16(4).Raw(1, 2, 3, 4);
            for (var i = 0; i < 300; i++)
            {
                message.Increment(6).Raw(0xC0, Header).U16(1).U16(1).U16(0).U16(0).U16(4).Raw(1, 2, 3, 4);
            }

            return message.Bytes;
        },
        ["more pointers than a name needs"] = () =>
        {
            var message = Start().Increment(6).Raw(0).U16(65280).U16(1).U16(0).U16(0).U16(201).Raw(0);
            for (var i = 0; i < 100; i++)
            {
                var before = message.Length - (i == 0 ? 1 : 2);
                message.U16(0xC000 | before);
            }

            return message.Increment(6).U16(0xC000 | (message.Length - 2)).U16(1).U16(1).U16(0).U16(0).U16(4)
                .Raw(1, 2, 3, 4).Bytes;
        },
    };

    public static TheoryData<string> BrokenNames => [.. _broken.Keys];

    private static Message Start() => new();

    // The record's data begin at 12 + 1 + 10.
    private static byte[] Alias(params byte[] data) =>
        Start().Increment(6).Raw(0).U16(5).U16(1).U16(0).U16(60).U16(data.Length).Raw(data).Bytes;

    private static byte[] Labels(params int[] lengths) =>
        [.. lengths.SelectMany(length => (byte[])[(byte)length, .. Enumerable.Repeat((byte)'a', length)]), 0];

    [Theory]
    [MemberData(nameof(BrokenNames))]
    public void What_breaks_a_rule_is_unreadable(string rule) => Assert.Null(ReadMessage.Read(_broken[rule]()));

    [Fact]
    public void Reading_what_breaks_a_rule_is_cheap()
    {
        foreach (var (rule, message) in _broken)
        {
            var bytes = message();
            ReadMessage.Read(bytes);
            var before = GC.GetAllocatedBytesForCurrentThread();
            ReadMessage.Read(bytes);
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < 2_000_000, $"{rule}: {allocated} bytes allocated");
        }
    }

    [Fact]
    public void Nothing_comes_out_that_was_not_in_the_datagram()
    {
        foreach (var (rule, message) in _broken)
        {
            AssertNoPoison(rule, message());
        }
    }

    /// <summary>Reads the bytes out of the middle of a poisoned buffer, as a whole and cut off anywhere.</summary>
    internal static void AssertNoPoison(string what, byte[] bytes, int step = 1)
    {
        for (var length = 0; length <= bytes.Length; length += step)
        {
            var buffer = new byte[bytes.Length + 600];
            Array.Fill(buffer, (byte)0xA5);
            bytes.AsSpan(0, length).CopyTo(buffer.AsSpan(100));
            if (bytes.AsSpan().Contains((byte)0xA5))
            {
                return;
            }

            if (ReadMessage.Read(buffer.AsSpan(100, length)) is { } message)
            {
                var text = string.Join(' ', message.Answers.Concat(message.Authority).Concat(message.Additional)
                    .Select(record => $"{record.Owner} {record}")
                    .Concat(message.ExtendedErrors.Select(error => error.ToString())));
                Assert.False(text.Contains("\\165") || text.Contains("165.165"), $"{what}, {length} octets: {text}");
            }
        }
    }

    [Fact]
    public void A_compressed_answer_is_read_whole()
    {
        // www.shop.example CNAME v-1.shop.example, both ends compressed.
        var bytes = Start().Question("www.shop.example")
            .Increment(6).Raw(0xC0, Header).U16(5).U16(1).U16(0).U16(300).U16(6)
            .Raw(3).Raw("v-1"u8.ToArray()).Raw(0xC0, Header + 4).Bytes;

        var record = Assert.IsType<NameRecord>(Assert.Single(ReadMessage.Read(bytes)!.Answers));

        Assert.Equal(Name("www.shop.example"), record.Owner);
        Assert.Equal(Name("v-1.shop.example"), record.Target);
        Assert.Equal(TimeSpan.FromMinutes(5), record.Ttl);
    }

    [Fact]
    public void Every_kind_of_record_is_read_and_others_are_stepped_over()
    {
        var message = ReadMessage.Read(Start().Question("a.example")
            .Address("a.example", "192.0.2.1").Address("a.example", "2001:db8::1")
            .Record(6, "a.example", 16, 60, [3, 1, 2, 3])
            .Alias("b.example", "c.example").Alias("d.example", "e.example", type: DnsType.Dname)
            .Ns("example", "ns.example").Soa("example", 86400, 60)
            .Glue("ns.example", "192.0.2.53").Opt(0, Message.Error(6, "bad\u0007 sig\nnature")).Bytes)!;

        Assert.Equal(
            ["A 192.0.2.1", "AAAA 2001:db8::1", "CNAME c.example", "DNAME e.example"],
            message.Answers.Select(record => record.ToString()));
        Assert.Equal(
            ["NS ns.example", "SOA example minimum 60"], message.Authority.Select(record => record.ToString()));
        Assert.Equal(TimeSpan.FromSeconds(60), message.NegativeTtl);
        var glue = Assert.IsType<AddressRecord>(Assert.Single(message.Additional));
        Assert.Equal(IPAddress.Parse("192.0.2.53"), glue.Address);
        Assert.Equal("6 DNSSEC bogus: bad signature", Assert.Single(message.ExtendedErrors).ToString());
        Assert.True(message.IsAuthoritative);
        Assert.Equal(1, message.OtherAnswers);
    }

    [Fact]
    public void Only_the_answers_own_records_that_are_no_signatures_count_as_others()
    {
        var message = ReadMessage.Read(Start().Question("a.example")
            .Record(6, "a.example", 46, 60, [1, 2, 3])
            .Record(8, "a.example", 47, 60, [1, 2, 3])
            .Record(10, "a.example", 16, 60, [1, 2]).Bytes)!;

        Assert.Equal(0, message.OtherAnswers);
    }

    [Fact]
    public void A_dot_inside_a_label_is_no_end_of_it()
    {
        var bytes = Alias([5, (byte)'a', (byte)'.', (byte)'b', 0, (byte)'\\', .. Message.Wire("example")]);

        var record = Assert.IsType<NameRecord>(Assert.Single(ReadMessage.Read(bytes)!.Answers));

        Assert.Equal("a\\.b\\000\\\\.example", record.Target.Text);
        Assert.Equal(Name("example"), record.Target.Parent);
        Assert.NotEqual(Name("a.b.example"), record.Target);
    }

    [Fact]
    public void A_name_of_255_octets_and_127_labels_is_read()
    {
        Assert.Single(ReadMessage.Read(Alias(Labels(63, 63, 63, 61)))!.Answers);
        Assert.Single(ReadMessage.Read(Alias(Labels(Enumerable.Repeat(1, 127).ToArray())))!.Answers);
    }

    [Fact]
    public void Octets_behind_the_last_record_are_not_read()
    {
        var bytes = Start().Address("a.example", "192.0.2.1").Raw(1, 2, 3).Bytes;

        Assert.Single(ReadMessage.Read(bytes)!.Answers);
    }

    [Fact]
    public void A_TTL_with_its_highest_bit_set_is_none()
    {
        var bytes = Start().Address("a.example", "192.0.2.1", ttl: -1).Bytes;

        Assert.Equal(TimeSpan.Zero, Assert.Single(ReadMessage.Read(bytes)!.Answers).Ttl);
    }

    [Fact]
    public void The_code_has_the_part_that_EDNS_adds() =>
        Assert.Equal(DnsRcode.BadVers, ReadMessage.Read(Start().Opt(upperRcode: 1).Bytes)!.Rcode);
}

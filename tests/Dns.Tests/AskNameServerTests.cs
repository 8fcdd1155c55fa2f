using System.Net;
using System.Net.Sockets;
using Tracking.Dns.Wire;
using static Tracking.Dns.Tests.Asking;

namespace Tracking.Dns.Tests;

public sealed class AskNameServerTests
{
    private const string Target = "v-1.t.example";
    private const int Many = 10_000;

    public static TheoryData<string> Lies =>
        [.. Mismatches(new byte[33]).Select(lie => lie.Name)];

    private static byte[] Right(byte[] query) => Message.To(query).Alias("track.shop.example", Target).Bytes;

    // The query is of the test's own question, or as long as one.
    private static IEnumerable<(string Name, byte[] Message)> Mismatches(byte[] query)
    {
        yield return ("wrong id", Changed(query, 0, bytes => bytes[0] ^= 1));
        yield return ("QR is 0", Changed(query, 0, bytes => bytes[2] &= 0x7F));
        yield return ("opcode 5", Changed(query, 0, bytes => bytes[2] |= 0x28));
        yield return ("another name", Changed(query, 0, bytes => bytes[13] ^= 3));
        yield return ("another case", Changed(query, 0, bytes => bytes[13] ^= 0x20));
        yield return ("another type", Changed(query, 0, bytes => bytes[34 < bytes.Length ? 33 : 14] ^= 1));
        yield return ("no question", new Message((query[0] << 8) | query[1]).Bytes);
        yield return ("two questions", Changed(query, 0, bytes => bytes[5] = 2));
        yield return ("one byte", [1]);
        yield return ("nothing", []);
        yield return ("half a header", query[..6]);
        yield return ("5,000 bytes", Changed(query, 5000, _ => { }));
    }

    private static byte[] Lie(byte[] query, string name) =>
        Mismatches(query).Single(lie => lie.Name == name).Message;

    private static byte[] Changed(byte[] query, int length, Action<byte[]> change)
    {
        var message = query.Length > 33 && query[12] != 0 ? Right(query) : new byte[60];
        Array.Resize(ref message, Math.Max(message.Length, length));
        change(message);
        return message;
    }

    [Theory]
    [MemberData(nameof(Lies))]
    public async Task What_answers_no_question_is_counted_and_the_wait_goes_on(string lie)
    {
        await using var server = new LyingServer(query => [Lie(query, lie), Right(query)]);

        var reply = await AskAsync(server.EndPoint);

        Assert.Equal(Name(Target), Assert.IsType<NameRecord>(Assert.Single(reply.Message!.Answers)).Target);
        Assert.Equal(1, reply.Mismatches);
        Assert.False(reply.IsOverTcp);
    }

    [Theory]
    [MemberData(nameof(Lies))]
    public async Task The_right_answer_is_found_behind_10_000_wrong_ones(string lie)
    {
        LyingServer server = null!;
        await using (server = new LyingServer(
            query => server.WithoutLoss(Enumerable.Repeat(Lie(query, lie), Many).Append(Right(query)))))
        {
            var reply = await AskAsync(server.EndPoint, options =>
            {
                // One above what the settings allow, so that all of them are heard.
                options.MismatchesBeforeTcp = Many + 1;
                (options.QueryTimeout, options.SendAgainAfter) = (TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(4));
            });

            Assert.Equal(Name(Target), Assert.IsType<NameRecord>(Assert.Single(reply.Message!.Answers)).Target);
            Assert.Equal((Many, false), (reply.Mismatches, reply.IsOverTcp));
            Assert.Single(server.Queries);
        }
    }

    [Theory]
    [MemberData(nameof(Lies))]
    public async Task Many_wrong_answers_lead_to_TCP_and_to_the_right_one(string lie)
    {
        await using var server = new LyingServer(
            query => Enumerable.Repeat(Lie(query, lie), Many).Append(Right(query)), LyingServer.OverTcp(Right));

        var reply = await AskAsync(server.EndPoint, options => options.MismatchesBeforeTcp = 16);

        Assert.Equal(Name(Target), Assert.IsType<NameRecord>(Assert.Single(reply.Message!.Answers)).Target);
        Assert.Equal((16, true), (reply.Mismatches, reply.IsOverTcp));
        Assert.Equal((1, 1), (server.Queries.Count, server.TcpQueries));
    }

    [Fact]
    public async Task The_right_answer_is_found_among_65_535_with_every_other_id()
    {
        await using var server = new LyingServer(
            query => Enumerable.Range(1, 65_535).Select(other => Changed(query, 0, bytes =>
            {
                var id = ((bytes[0] << 8) | bytes[1]) ^ other;
                (bytes[0], bytes[1]) = ((byte)(id >> 8), (byte)id);
            })).Append(Right(query)),
            LyingServer.OverTcp(Right));

        // What the kernel drops when datagrams come too fast is not the test's: over TCP nothing is lost.
        var reply = await AskAsync(server.EndPoint);

        Assert.Equal(Name(Target), Assert.IsType<NameRecord>(Assert.Single(reply.Message!.Answers)).Target);
        Assert.InRange(reply.Mismatches, 1, new DnsOptions().MismatchesBeforeTcp);
        Assert.True(reply.IsOverTcp);
    }

    [Fact]
    public async Task A_name_server_is_asked_over_IPv6_as_over_IPv4()
    {
        if (!HasIPv6)
        {
            Assert.Equal(DnsFailure.NoRoute, await WithoutIPv6Async());
            return;
        }

        await using var server = new LyingServer(
            query => [Mismatches(query).First().Message, Right(query)], LyingServer.OverTcp(Right),
            new IPEndPoint(IPAddress.IPv6Loopback, 0));

        var reply = await AskAsync(server.EndPoint);

        Assert.Equal(Name(Target), Assert.IsType<NameRecord>(Assert.Single(reply.Message!.Answers)).Target);
        Assert.Equal((1, false), (reply.Mismatches, reply.IsOverTcp));

        await using var cutting = new LyingServer(
            query => [Message.To(query, flags: 0x8600).Bytes], LyingServer.OverTcp(Right),
            new IPEndPoint(IPAddress.IPv6Loopback, 0));
        Assert.True((await AskAsync(cutting.EndPoint)).IsOverTcp);
    }

    [Theory]
    [InlineData("127.0.0.1", false)]
    [InlineData("127.0.0.9", true)]
    public async Task A_datagram_from_another_port_or_address_never_arrives(string address, bool isSamePort)
    {
        using var stranger = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        LyingServer? server = null;
        server = new LyingServer(query =>
        {
            // Everything but where it comes from is right, and it comes first.
            if (!stranger.IsBound)
            {
                stranger.Bind(new IPEndPoint(IPAddress.Parse(address), isSamePort ? server!.EndPoint.Port : 0));
            }

            var asking = new IPEndPoint(IPAddress.Loopback, server!.Queries.Last().Port);
            var forged = Message.To(query).Alias("track.shop.example", "evil.example").Bytes;
            for (var sent = 0; sent < Many; sent++)
            {
                stranger.SendTo(forged, asking);
            }

            return [Right(query)];
        });
        await using (server)
        {
            var reply = await AskAsync(server.EndPoint);

            Assert.Equal(Name(Target), Assert.IsType<NameRecord>(Assert.Single(reply.Message!.Answers)).Target);
            Assert.Equal((0, false), (reply.Mismatches, reply.IsOverTcp));
        }
    }

    [Fact]
    public async Task Ids_are_spread_evenly_and_no_two_questions_under_way_share_id_and_port()
    {
        const int count = 65_536;
        const int atOnce = 128;
        const int buckets = 64;
        await using var server = new LyingServer(query => [Right(query)]);
        var all = new List<(byte[] Query, int Port)>();
        for (var batch = 0; batch < count / atOnce; batch++)
        {
            await Task.WhenAll(Enumerable.Range(0, atOnce).Select(_ => AskAsync(server.EndPoint)));
            var underWay = new List<(byte[] Query, int Port)>();
            while (server.Queries.TryDequeue(out var query))
            {
                underWay.Add(query);
            }

            Assert.Equal(
                underWay.Count,
                underWay.Select(query => (query.Port, query.Query[0], query.Query[1])).Distinct().Count());
            all.AddRange(underWay);
        }

        var ids = all.Select(query => (query.Query[0] << 8) | query.Query[1]).ToList();
        Assert.True(ids.Count >= count);
        // Chi-square with 63 degrees of freedom: above 137 once in ten million runs.
        double expected = (double)ids.Count / buckets;
        Assert.InRange(ids.GroupBy(id => id % buckets).Sum(g => Math.Pow(g.Count() - expected, 2) / expected), 0, 137);
        Assert.InRange(ids.GroupBy(id => id / 1024).Sum(g => Math.Pow(g.Count() - expected, 2) / expected), 0, 137);
        Assert.True(all.Select(query => query.Port).Distinct().Count() > count / 32);
    }

    [Fact]
    public async Task A_query_says_1232_octets_and_wants_no_recursion()
    {
        await using var server = new LyingServer(query => [Right(query)]);

        await AskAsync(server.EndPoint);

        var (query, _) = Assert.Single(server.Queries);
        Assert.Equal(0, query[2]);
        Assert.Equal(0, query[3]);
        Assert.Equal([0, 0, 41, 1232 >> 8, 1232 & 0xFF, 0, 0, 0, 0, 0, 0], query[^11..]);
    }

    [Theory]
    [InlineData(DnsRcode.FormErr)]
    [InlineData(DnsRcode.NotImp)]
    [InlineData(DnsRcode.BadVers)]
    public async Task A_server_that_does_not_know_EDNS_is_asked_once_without(DnsRcode rcode)
    {
        await using var server = new LyingServer(query => [query[11] == 0 ? Right(query)
            : rcode == DnsRcode.BadVers ? Message.To(query).Opt(upperRcode: 1).Bytes
            : Message.To(query, (int)rcode).Bytes]);

        var reply = await AskAsync(server.EndPoint);

        Assert.Equal(DnsRcode.NoError, reply.Message!.Rcode);
        Assert.Equal(2, server.Queries.Count);
    }

    [Fact]
    public async Task A_server_that_cannot_repeat_the_question_is_asked_once_without_EDNS()
    {
        await using var server = new LyingServer(
            query => [query[11] == 0 ? Right(query) : new Message((query[0] << 8) | query[1], 0x8001).Bytes]);

        Assert.Equal(DnsRcode.NoError, (await AskAsync(server.EndPoint)).Message!.Rcode);
    }

    [Fact]
    public async Task A_server_that_understands_nothing_is_asked_twice_and_its_code_is_kept()
    {
        await using var server = new LyingServer(query => [Message.To(query, 1).Bytes]);

        Assert.Equal(DnsRcode.FormErr, (await AskAsync(server.EndPoint)).Message!.Rcode);
        Assert.Equal(2, server.Queries.Count);
    }

    [Fact]
    public async Task A_truncated_answer_is_fetched_over_TCP_whatever_the_pieces()
    {
        await using var server = new LyingServer(
            query => [Message.To(query, flags: 0x8600).Bytes],
            async (query, stream, cancellationToken) =>
            {
                foreach (var octet in LyingServer.Framed(Right(query)))
                {
                    await stream.WriteAsync(new[] { octet }, cancellationToken);
                    await stream.FlushAsync(cancellationToken);
                }
            });

        var reply = await AskAsync(server.EndPoint);

        Assert.True(reply.IsOverTcp);
        Assert.Equal(Name(Target), Assert.IsType<NameRecord>(Assert.Single(reply.Message!.Answers)).Target);
    }

    [Fact]
    public async Task The_largest_answer_is_read()
    {
        await using var server = new LyingServer(
            query => [Message.To(query, flags: 0x8600).Bytes],
            LyingServer.OverTcp(query =>
            {
                var answer = Message.To(query).Alias("track.shop.example", Target);
                // A record of a type that nobody knows fills it up: 11 octets for itself.
                return answer.Record(6, "", 65280, 0, new byte[65535 - answer.Length - 11]).Bytes;
            }));

        Assert.Single((await AskAsync(server.EndPoint)).Message!.Answers);
    }

    [Fact]
    public async Task Of_two_messages_in_one_segment_the_one_that_answers_is_taken()
    {
        await using var server = new LyingServer(
            query => [Message.To(query, flags: 0x8600).Bytes],
            async (query, stream, cancellationToken) => await stream.WriteAsync(
                (byte[])[.. LyingServer.Framed(Mismatches(query).First().Message), .. LyingServer.Framed(Right(query))],
                cancellationToken));

        var reply = await AskAsync(server.EndPoint);

        Assert.Equal(DnsFailure.None, reply.Failure);
        Assert.Equal(1, reply.Mismatches);
    }

    [Fact]
    public async Task A_connection_that_closes_after_one_byte_gives_no_answer()
    {
        await using var server = new LyingServer(
            query => [Message.To(query, flags: 0x8600).Bytes],
            async (_, stream, cancellationToken) => await stream.WriteAsync(new byte[1], cancellationToken));

        Assert.Equal(DnsFailure.TcpRefused, (await AskAsync(server.EndPoint)).Failure);
    }

    [Fact]
    public async Task A_connection_that_closes_in_the_middle_gives_no_answer()
    {
        await using var server = new LyingServer(
            query => [Message.To(query, flags: 0x8600).Bytes],
            async (query, stream, cancellationToken) =>
                await stream.WriteAsync(LyingServer.Framed(Right(query)).AsMemory()[..^1], cancellationToken));

        Assert.Equal(DnsFailure.Malformed, (await AskAsync(server.EndPoint)).Failure);
    }

    [Fact]
    public async Task Endless_wrong_messages_over_TCP_end()
    {
        await using var server = new LyingServer(
            query => [Message.To(query, flags: 0x8600).Bytes],
            async (query, stream, cancellationToken) =>
            {
                while (true)
                {
                    await stream.WriteAsync(LyingServer.Framed(Mismatches(query).First().Message), cancellationToken);
                }
            });

        Assert.Equal(DnsFailure.Malformed, (await AskAsync(server.EndPoint)).Failure);
    }

    [Fact]
    public async Task A_slow_drip_over_TCP_ends_at_the_deadline()
    {
        await using var server = new LyingServer(
            query => [Message.To(query, flags: 0x8600).Bytes],
            async (query, stream, cancellationToken) =>
            {
                foreach (var octet in LyingServer.Framed(Right(query)))
                {
                    await stream.WriteAsync(new[] { octet }, cancellationToken);
                    await Task.Delay(TimeSpan.FromMilliseconds(200), cancellationToken);
                }
            });

        Assert.Equal(DnsFailure.TcpRefused, (await AskAsync(server.EndPoint, Short)).Failure);
    }

    [Fact]
    public async Task A_truncated_answer_without_TCP_says_so()
    {
        await using var server = new LyingServer(query => [Message.To(query, flags: 0x8600).Bytes]);

        Assert.Equal(DnsFailure.TcpRefused, (await AskAsync(server.EndPoint)).Failure);
    }

    [Fact]
    public async Task A_lost_datagram_is_sent_again()
    {
        var first = true;
        await using var server = new LyingServer(query =>
        {
            var isLost = first;
            first = false;
            return isLost ? [] : [Right(query)];
        });

        var reply = await AskAsync(server.EndPoint, options => options.SendAgainAfter = TimeSpan.FromMilliseconds(50));

        Assert.Equal(DnsFailure.None, reply.Failure);
        Assert.Equal(2, server.Queries.Count);
        Assert.Single(server.Queries.Select(query => query.Port).Distinct());
    }

    [Fact]
    public async Task Silence_ends_at_the_deadline()
    {
        await using var server = new LyingServer(_ => []);

        Assert.Equal(DnsFailure.TimedOut, (await AskAsync(server.EndPoint, Short)).Failure);
    }

    [Fact]
    public async Task A_port_where_nobody_listens_is_told_at_once()
    {
        var server = new LyingServer(_ => []);
        var endPoint = server.EndPoint;
        await server.DisposeAsync();

        Assert.Equal(DnsFailure.Unreachable, (await AskAsync(endPoint)).Failure);
    }

    [Fact]
    public async Task Without_questions_left_nothing_is_sent()
    {
        await using var server = new LyingServer(query => [Right(query)]);
        var budget = new QueryBudget(1);

        Assert.Equal(DnsFailure.None, (await AskAsync(server.EndPoint, budget: budget)).Failure);
        Assert.Equal(DnsFailure.TooManyQueries, (await AskAsync(server.EndPoint, budget: budget)).Failure);
        Assert.Single(server.Queries);
        Assert.Equal(1, budget.Sent);
        Assert.True(budget.IsExceeded);
    }

    [Fact]
    public async Task An_answer_that_breaks_the_rules_is_a_value()
    {
        await using var server = new LyingServer(query => [Message.To(query).Count(6, 65535).Bytes]);

        Assert.Equal(DnsFailure.Malformed, (await AskAsync(server.EndPoint)).Failure);
    }

    [Fact]
    public async Task A_name_with_any_octets_is_asked_as_it_is()
    {
        var name = Name("https://v-1\\.x\\000.shop.example");
        await using var server = new LyingServer(query => [Message.To(query).Bytes]);

        await AskAsync(server.EndPoint, question: new DnsQuestion(name, DnsType.A));

        var (query, _) = Assert.Single(server.Queries);
        Assert.Equal("https://v-1.x\0"u8.ToArray(), query[13..27]);
        Assert.Equal(WriteQuery.HeaderLength + 29 + 4 + 11, query.Length);
    }
}

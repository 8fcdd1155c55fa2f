using System.Buffers;
using Tracking.Tls.Connections;

namespace Tracking.Tls.Tests.Connections;

public sealed class ParseClientHelloTests
{
    [Theory]
    [InlineData(1, 16_384)]
    [InlineData(3, 16_384)]
    [InlineData(1_460, 16_384)]
    [InlineData(16_384, 16_384)]
    [InlineData(1, 1)]
    [InlineData(7, 4)]
    [InlineData(1_460, 100)]
    public void Name_and_protocols_are_read_however_segments_and_records_are_cut(int segment, int record)
    {
        var message = SomeHello.Message("track.shop.example.com", ["h2", "http/1.1"], size: 1_800);

        var outcome = Read(SomeHello.Segmented(SomeHello.Records(message, record), segment), out var hello);

        Assert.Equal(ClientHelloOutcome.Complete, outcome);
        Assert.Equal(ServerNameForm.Name, hello!.Form);
        Assert.Equal("track.shop.example.com", hello.Name.Value);
        Assert.Equal(["h2", "http/1.1"], hello.Protocols);
        Assert.False(hello.IsChallenge);
    }

    [Theory]
    [InlineData(300)]
    [InlineData(1_800)]
    [InlineData(16_000)]
    public async Task A_hello_that_comes_byte_by_byte_is_read_and_left_for_the_next_reader(int size)
    {
        var bytes = SomeHello.Records(SomeHello.Message("a.example.net", ["h2"], size));
        var pipe = new global::System.IO.Pipelines.Pipe();

        var peeking = ReadClientHello.PeekAsync(pipe.Reader, CancellationToken.None).AsTask();
        foreach (var one in bytes)
        {
            Assert.False(peeking.IsCompleted);
            await pipe.Writer.WriteAsync(new[] { one });
        }

        var (outcome, hello) = await peeking;
        Assert.Equal(ClientHelloOutcome.Complete, outcome);
        Assert.Equal("a.example.net", hello!.Name.Value);
        Assert.True(pipe.Reader.TryRead(out var rest));
        Assert.Equal(bytes, rest.Buffer.ToArray());
    }

    [Fact]
    public void Of_a_hello_that_is_cut_anywhere_more_is_wanted_and_never_more_than_there_is()
    {
        var bytes = SomeHello.Records(SomeHello.Message("a.example.net", ["h2"], size: 400), recordSize: 90);

        for (var length = 0; length < bytes.Length; length++)
        {
            var outcome = ParseClientHello.Read(
                new ReadOnlySequence<byte>(bytes, 0, length), out _, out var needed);

            Assert.Equal(ClientHelloOutcome.Incomplete, outcome);
            Assert.InRange(needed, length + 1, bytes.Length);
        }
    }

    [Theory]
    [InlineData(16_379, ClientHelloOutcome.Complete)]
    [InlineData(16_380, ClientHelloOutcome.TooLong)]
    [InlineData(60_000, ClientHelloOutcome.TooLong)]
    public void A_hello_has_16_KiB_at_most(int size, object outcome) => Assert.Equal(
        (ClientHelloOutcome)outcome,
        Read(SomeHello.Segmented(SomeHello.Records(SomeHello.Message("a.example.net", size: size)), 1_460), out _));

    [Fact]
    public void A_hello_in_so_many_records_that_their_headers_make_it_too_long_is_too_long() => Assert.Equal(
        ClientHelloOutcome.TooLong,
        Read(SomeHello.Segmented(
            SomeHello.Records(SomeHello.Message("a.example.net", size: 4_000), recordSize: 1), 1_460), out _));

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n")]
    [InlineData("\0")]
    [InlineData("\x16\x02")]
    public void What_is_no_TLS_is_known_by_its_first_bytes(string text) => Assert.Equal(
        ClientHelloOutcome.NotTls, Read(new(global::System.Text.Encoding.Latin1.GetBytes(text)), out _));

    [Theory]
    [InlineData("TRACK.Shop.Example.COM", ServerNameForm.Name, "track.shop.example.com")]
    [InlineData("track.shop.example.com.", ServerNameForm.Name, "track.shop.example.com")]
    [InlineData("xn--bcher-kva.example", ServerNameForm.Name, "xn--bcher-kva.example")]
    [InlineData("192.0.2.1", ServerNameForm.Address, "")]
    [InlineData("2001:db8::1", ServerNameForm.Address, "")]
    [InlineData("[2001:db8::1]", ServerNameForm.Address, "")]
    [InlineData("", ServerNameForm.Invalid, "")]
    [InlineData("a\0b.example", ServerNameForm.Invalid, "")]
    [InlineData("a.example\0", ServerNameForm.Invalid, "")]
    [InlineData("b\u00FCcher.example", ServerNameForm.Invalid, "")]
    [InlineData("*.example.com", ServerNameForm.Invalid, "")]
    [InlineData("a..example", ServerNameForm.Invalid, "")]
    [InlineData("a b.example", ServerNameForm.Invalid, "")]
    [InlineData("https://a.example", ServerNameForm.Invalid, "")]
    public void A_server_name_is_taken_as_a_name_or_as_none(string text, object form, string name)
    {
        Assert.Equal(ClientHelloOutcome.Complete, Read(new(SomeHello.Records(SomeHello.Message(text))), out var hello));

        Assert.Equal((ServerNameForm)form, hello!.Form);
        Assert.Equal(name, hello.Name.Value);
    }

    [Theory]
    [InlineData(253, ServerNameForm.Name)]
    [InlineData(254, ServerNameForm.Invalid)]
    [InlineData(255, ServerNameForm.Invalid)]
    [InlineData(4_000, ServerNameForm.Invalid)]
    public void A_server_name_has_253_octets_at_most(int length, object form)
    {
        var name = string.Join('.', Enumerable.Repeat(new string('a', 49), 100))[..length];
        Assert.Equal(ClientHelloOutcome.Complete, Read(new(SomeHello.Records(SomeHello.Message(name))), out var hello));

        Assert.Equal((ServerNameForm)form, hello!.Form);
    }

    [Fact]
    public void A_hello_without_extensions_has_neither_name_nor_protocols()
    {
        Assert.Equal(
            ClientHelloOutcome.Complete,
            Read(new(SomeHello.Records(SomeHello.MessageWithoutExtensions())), out var hello));

        Assert.Equal(ServerNameForm.Absent, hello!.Form);
        Assert.Empty(hello.Protocols);
    }

    [Theory]
    [InlineData(true, "acme-tls/1")]
    [InlineData(false, "acme-tls/1", "h2")]
    [InlineData(false, "h2", "acme-tls/1")]
    [InlineData(false, "acme-tls/1", "acme-tls/1")]
    [InlineData(false, "ACME-TLS/1")]
    [InlineData(false, "acme-tls/1 ")]
    public void Only_an_offer_of_the_challenge_protocol_alone_is_a_challenge(bool isChallenge, params string[] offered)
    {
        Read(new(SomeHello.Records(SomeHello.Message("a.example.net", offered))), out var hello);

        Assert.Equal(isChallenge, hello!.IsChallenge);
    }

    public static TheoryData<string, byte[]> Broken()
    {
        var good = SomeHello.Message("a.example.net", ["h2"]);
        var name = SomeHello.Extension(0, SomeHello.Vector(2, [0, .. SomeHello.Vector(2, [.. "a.example"u8])]));
        var offer = SomeHello.Extension(16, SomeHello.Vector(2, SomeHello.Vector(1, [.. "h2"u8])));
        return new()
        {
            { "another message", [2, .. good[1..]] },
            { "a byte behind it", [.. good, 0] },
            { "a second message behind it", [.. good, .. good] },
            { "its length one too short", [.. good[..3], (byte)(good[3] - 1), .. good[4..]] },
            { "an extension cut off", SomeHello.MessageWith(0, 0, 0) },
            { "an extension longer than all", SomeHello.MessageWith(0, 0, 0xFF, 0xFF, 1) },
            { "two names", SomeHello.MessageWith([.. name, .. name]) },
            { "two names in one", SomeHello.MessageWith(SomeHello.Extension(0, SomeHello.Vector(
                2, [0, .. SomeHello.Vector(2, [.. "a.b"u8]), 0, .. SomeHello.Vector(2, [.. "c.d"u8])]))) },
            { "no name in the list", SomeHello.MessageWith(SomeHello.Extension(0, 0, 0)) },
            { "a name longer than its list", SomeHello.MessageWith(SomeHello.Extension(0, 0, 4, 0, 0, 9, 65)) },
            { "two offers", SomeHello.MessageWith([.. offer, .. offer]) },
            { "an empty offer", SomeHello.MessageWith(SomeHello.Extension(16, 0, 0)) },
            { "an empty protocol", SomeHello.MessageWith(SomeHello.Extension(16, 0, 1, 0)) },
            { "nothing in it", [1, 0, 0, 0] },
        };
    }

    [Theory]
    [MemberData(nameof(Broken))]
    public void A_hello_whose_parts_contradict_each_other_is_malformed(string what, byte[] message) => Assert.True(
        Read(new(SomeHello.Records(message)), out _) == ClientHelloOutcome.Malformed, what);

    [Fact]
    public void Bytes_at_random_are_never_a_hello_and_never_break_the_reader()
    {
        var random = new Random(8446);
        for (var i = 0; i < 5_000; i++)
        {
            var bytes = SomeHello.Records(SomeHello.Message("a.example.net", ["h2", "http/1.1"]));
            for (var change = random.Next(1, 6); change > 0; change--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            var length = random.Next(bytes.Length + 1);
            var outcome = ParseClientHello.Read(
                SomeHello.Segmented(bytes[..length], random.Next(1, 40)), out var hello, out var needed);

            Assert.Equal(outcome == ClientHelloOutcome.Complete, hello is not null);
            Assert.True(outcome != ClientHelloOutcome.Incomplete || needed > length);
        }
    }

    private static ClientHelloOutcome Read(ReadOnlySequence<byte> bytes, out ClientHello? hello) =>
        ParseClientHello.Read(bytes, out hello, out _);
}

using System.Buffers;
using System.Text;
using Tracking.Tls.Connections;

namespace Tracking.Tls.Tests.Connections;

public sealed class ProxyHeaderTests
{
    private static readonly byte[] _signature = [.. "\r\n\r\n\0\r\nQUIT\n"u8];

    [Theory]
    [InlineData("PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n", "192.0.2.7:56324")]
    [InlineData("PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n", "[2001:db8::7]:56324")]
    [InlineData("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 443\r\n", "[::ffff:192.0.2.7]:1")]
    [InlineData("PROXY UNKNOWN\r\n", null)]
    [InlineData("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", null)]
    public void Version_1_says_who_connected(string line, string? source)
    {
        var bytes = Encoding.Latin1.GetBytes(line + "\x16\x03\x01");

        Assert.Equal(ProxyHeaderOutcome.Complete, ProxyHeader.Read(new(bytes), out var header));
        Assert.Equal(line.Length, header.Length);
        Assert.Equal(source, header.Source?.ToString());
    }

    [Theory]
    [InlineData("PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n")]
    [InlineData("PROXY TCP4 192.0.2.7 198.51.100.1 56324 443 1\r\n")]
    [InlineData("PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n")]
    [InlineData("PROXY TCP4 192.0.2.7 198.51.100.1 -1 443\r\n")]
    [InlineData("PROXY TCP4 192.0.2.7 198.51.100.1 01 443\r\n")]
    [InlineData("PROXY TCP4 192.0.2 198.51.100.1 1 443\r\n")]
    [InlineData("PROXY TCP4 2001:db8::7 2001:db8::1 1 443\r\n")]
    [InlineData("PROXY TCP6 192.0.2.7 198.51.100.1 1 443\r\n")]
    [InlineData("PROXY TCP6 fe80::1%eth0 ::1 1 443\r\n")]
    [InlineData("PROXY TCP5 192.0.2.7 198.51.100.1 1 443\r\n")]
    [InlineData("PROXY  TCP4 192.0.2.7 198.51.100.1 1 443\r\n")]
    [InlineData("PROXY \r\n")]
    [InlineData("PROXYTCP4")]
    [InlineData("GET / HTTP/1.1\r\n")]
    [InlineData("\x16\x03\x01")]
    [InlineData("\r\n\r\n\x01")]
    public void Anything_else_is_refused(string line) => Assert.Equal(
        ProxyHeaderOutcome.Invalid, ProxyHeader.Read(new(Encoding.Latin1.GetBytes(line)), out _));

    [Fact]
    public void A_line_of_107_bytes_is_the_longest()
    {
        var longest = "PROXY UNKNOWN " + new string('x', 107 - 14 - 2) + "\r\n";
        Assert.Equal(107, longest.Length);

        Assert.Equal(ProxyHeaderOutcome.Complete, Read(longest));
        Assert.Equal(ProxyHeaderOutcome.Invalid, Read(longest.Insert(14, "x")));
        Assert.Equal(ProxyHeaderOutcome.Incomplete, Read(longest[..106]));
        Assert.Equal(ProxyHeaderOutcome.Invalid, Read(new string('x', 0) + longest[..105] + "xx"));
    }

    [Theory]
    [InlineData(0x11, "192.0.2.7:258")]
    [InlineData(0x21, "[2001:db8::7]:258")]
    public void Version_2_says_who_connected_and_what_follows_the_addresses_is_passed_over(int family, string source)
    {
        byte[] from = family == 0x11 ? [192, 0, 2, 7] : [0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
        byte[] addresses = [.. from, .. new byte[from.Length], 1, 2, 1, 0xBB];
        var header = V2(0x21, family, [.. addresses, 4, 0, 3, 9, 9, 9]);

        Assert.Equal(ProxyHeaderOutcome.Complete, ProxyHeader.Read(new([.. header, 0x16]), out var read));
        Assert.Equal(header.Length, read.Length);
        Assert.Equal(source, read.Source?.ToString());
    }

    [Theory]
    [InlineData(0x20, 0x00, 0)]
    [InlineData(0x20, 0x11, 12)]
    [InlineData(0x20, 0x11, 3)]
    [InlineData(0x21, 0x00, 0)]
    [InlineData(0x21, 0x31, 216)]
    [InlineData(0x21, 0x12, 12)]
    [InlineData(0x21, 0xFF, 5)]
    public void Version_2_without_an_address_of_a_TCP_client_leaves_the_address_of_the_socket(
        int command, int family, int length)
    {
        Assert.Equal(
            ProxyHeaderOutcome.Complete, ProxyHeader.Read(new(V2(command, family, new byte[length])), out var header));
        Assert.Null(header.Source);
        Assert.Equal(16 + length, header.Length);
    }

    [Theory]
    [InlineData(0x11, 0x11, 12)]
    [InlineData(0x22, 0x11, 12)]
    [InlineData(0x21, 0x11, 11)]
    [InlineData(0x21, 0x21, 12)]
    [InlineData(0x21, 0x11, 65_535)]
    public void Version_2_with_another_version_command_or_length_is_refused(int command, int family, int length) =>
        Assert.Equal(
            ProxyHeaderOutcome.Invalid, ProxyHeader.Read(new(V2(command, family, new byte[length])), out _));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void A_header_that_is_cut_anywhere_is_read_when_its_last_byte_has_come(int version)
    {
        var header = version == 1
            ? Encoding.ASCII.GetBytes("PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n")
            : V2(0x21, 0x11, [192, 0, 2, 7, 198, 51, 100, 1, 1, 2, 1, 0xBB, .. new byte[version]]);

        for (var length = 0; length < header.Length; length++)
        {
            Assert.Equal(
                ProxyHeaderOutcome.Incomplete, ProxyHeader.Read(SomeHello.Segmented(header[..length], 1), out _));
        }

        Assert.Equal(ProxyHeaderOutcome.Complete, ProxyHeader.Read(SomeHello.Segmented(header, 1), out _));
    }

    private static ProxyHeaderOutcome Read(string line) =>
        ProxyHeader.Read(new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(line)), out _);

    private static byte[] V2(int command, int family, byte[] rest) =>
        [.. _signature, (byte)command, (byte)family, .. SomeHello.Vector(2, rest)];
}

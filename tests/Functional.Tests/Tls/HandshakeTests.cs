using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tracking.Servers;
using Tracking.Tls.Tests.Connections;

namespace Tracking.Functional.Tests.Tls;

/// <summary>The certificates for clients, and the answers to hostile clients.</summary>
public sealed class HandshakeTests : IAsyncLifetime
{
    private const string Name = "www.example.net";
    private TlsHost _host = null!;

    public async ValueTask InitializeAsync() => _host = await TlsHost.StartAsync();

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Fact]
    public async Task A_hello_in_segments_of_one_byte_is_served()
    {
        _host.Add(Name);
        using var client = new TcpClient("127.0.0.1", _host.TlsPort) { NoDelay = true };

        await using var tls = await TlsHost.HandshakeAsync(
            new ByteByByte(client.GetStream()), Name, 0, "h2", "http/1.1");

        Assert.Equal(SslApplicationProtocol.Http2, tls.NegotiatedApplicationProtocol);
        Assert.Equal(_host.Certificates[Name].Chain[0], tls.RemoteCertificate!.GetRawCertData());
    }

    [Theory]
    [InlineData("www.example.net", 22)]
    [InlineData("WWW.Example.NET", 22)]
    [InlineData("www.example.net.", 22)]
    [InlineData("192.0.2.1", 22)]
    [InlineData(null, 22)]
    [InlineData("www.other.example", 112)]
    [InlineData("a.www.example.net", 112)]
    [InlineData("example.net", 112)]
    [InlineData("*.example.net", 112)]
    [InlineData("www.example.net\0", 112)]
    [InlineData("", 112)]
    public async Task Each_form_of_a_server_name_has_its_fixed_answer(string? name, int answer)
    {
        _host.Add(Name);

        Assert.Equal(answer, await AnswerAsync(SomeHello.Records(Tls12(SomeHello.Message(name)))));
    }

    [Fact]
    public async Task A_server_name_of_255_bytes_is_refused() => Assert.Equal(
        112, await AnswerAsync(SomeHello.Records(SomeHello.Message(new string('a', 255)))));

    [Theory]
    [InlineData(1_800, 22)]
    [InlineData(16_000, 22)]
    [InlineData(16_380, 47)]
    public async Task A_hello_may_be_as_large_as_a_record(int size, int answer)
    {
        _host.Add(Name);

        Assert.Equal(answer, await AnswerAsync(SomeHello.Records(Tls12(SomeHello.Message(Name, size: size)), 4_000)));
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n", 0)]
    [InlineData("\x16\x03\x01\0\0", 50)]
    [InlineData("\x16\x03\x01\0\x05\x01\0\0\x01\0", 50)]
    public async Task Garbage_is_refused(string sent, int answer) => Assert.Equal(
        answer, await AnswerAsync(global::System.Text.Encoding.Latin1.GetBytes(sent)));

    [Fact]
    public async Task Each_unknown_name_costs_one_look_up()
    {
        for (var i = 0; i < 50; i++)
        {
            await AnswerAsync(SomeHello.Records(SomeHello.Message("www.other.example")));
        }

        Assert.Equal(1, _host.Questions);
    }

    [Fact]
    public async Task Random_names_cost_a_question_each_at_most_and_memory_stays_bounded()
    {
        const int Names = 3_000;
        _host.Add(Name);
        string[] names = [.. Enumerable.Range(0, Names).Select(_ => $"{Guid.NewGuid():N}.example.net")];
        async Task AskAllAsync() => await Parallel.ForEachAsync(
            names, new ParallelOptions { MaxDegreeOfParallelism = 16 },
            async (name, _) => Assert.Equal(112, await AnswerAsync(SomeHello.Records(SomeHello.Message(name)))));

        await AskAllAsync();
        var questions = _host.Questions;
        var before = GC.GetTotalMemory(forceFullCollection: true);
        await AskAllAsync();

        Assert.InRange(questions, 1, Names);
        Assert.Equal(questions, _host.Questions);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 8 << 20);
        await using var tls = await _host.ConnectAsync(Name);
        Assert.Equal(_host.Certificates[Name].Chain[0], tls.RemoteCertificate!.GetRawCertData());
    }

    [Theory]
    [InlineData(3, 1, 70)]
    [InlineData(3, 2, 70)]
    [InlineData(3, 3, 22)]
    public async Task Versions_before_TLS_1_2_are_refused(byte major, byte minor, int answer)
    {
        _host.Add(Name);
        var message = Tls12(SomeHello.Message(Name));
        (message[4], message[5]) = (major, minor);

        Assert.Equal(answer, await AnswerAsync(SomeHello.Records(message)));
    }

    [Fact]
    public async Task Renegotiation_and_compression_are_off()
    {
        _host.Add(Name);

        // The line "R" makes openssl request a renegotiation.
        var output = await OpenSsl.UntilEndedAsync(_host.TlsPort, Name, "R\n", "-tls1_2", "-comp");

        // The server ends the connection instead of showing its certificate again.
        var asked = output.IndexOf("RENEGOTIATING", StringComparison.Ordinal);
        Assert.True(asked > 0, output);
        Assert.DoesNotContain("depth=", output[asked..], StringComparison.Ordinal);
        Assert.Contains("Compression: NONE", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-tls1_2")]
    [InlineData("-tls1_3")]
    public async Task A_session_is_resumed(string version)
    {
        _host.Add(Name);
        using var folder = new TemporaryFolder();
        var request = $"GET / HTTP/1.1\r\nHost: {Name}\r\nConnection: close\r\n\r\n";

        var first = await OpenSsl.ClientAsync(
            _host.TlsPort, Name, request, version, "-ign_eof", "-sess_out", folder.In("session"));
        var second = await OpenSsl.ClientAsync(
            _host.TlsPort, Name, request, version, "-ign_eof", "-sess_in", folder.In("session"));

        Assert.Contains("New, TLS", first, StringComparison.Ordinal);
        Assert.Contains("Reused, TLS", second, StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_a_challenge_is_open_a_thousand_visitors_get_the_real_certificate()
    {
        var real = _host.Add(Name).Chain[0];
        _host.Challenges[Name] = Challenge();

        await Parallel.ForAsync(0, 1_000, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, _) =>
        {
            await using var tls = await _host.ConnectAsync(Name, 0, (i % 3) switch
            {
                0 => ["h2", "http/1.1"],
                1 => ["acme-tls/1", "h2"],
                _ => [],
            });
            Assert.Equal(real, tls.RemoteCertificate!.GetRawCertData());
        });

        await using var challenge = await _host.ConnectAsync(Name, 0, "acme-tls/1");
        Assert.Equal(_host.Challenges[Name].RawData, challenge.RemoteCertificate!.GetRawCertData());
        Assert.Equal("acme-tls/1", challenge.NegotiatedApplicationProtocol.ToString());
        // The connection is closed after the handshake.
        Assert.Equal(0, await ReadToEndAsync(challenge));
    }

    [Fact]
    public async Task A_challenge_that_is_not_open_is_no_protocol()
    {
        _host.Add(Name);

        Assert.Equal(120, await AnswerAsync(SomeHello.Records(Tls12(SomeHello.Message(Name, ["acme-tls/1"])))));
    }

    [Fact]
    public async Task A_new_certificate_is_served_at_once_and_open_connections_go_on()
    {
        var old = _host.Add(Name).Chain[0];
        var open = new List<SslStream>();
        for (var i = 0; i < 100; i++)
        {
            open.Add(await _host.ConnectAsync(Name));
            Assert.Equal(old, open[i].RemoteCertificate!.GetRawCertData());
        }

        var renewed = _host.Add(Name).Chain[0];
        await _host.Served.ReplaceAsync(TlsHostNames.Of(Name), TestContext.Current.CancellationToken);

        await using (var tls = await _host.ConnectAsync(Name))
        {
            Assert.Equal(renewed, tls.RemoteCertificate!.GetRawCertData());
        }

        foreach (var tls in open)
        {
            Assert.StartsWith("HTTP/1.1 200", await TlsHost.AskAsync(tls, Name), StringComparison.Ordinal);
            await tls.DisposeAsync();
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(200)]
    public async Task A_client_that_stops_in_its_hello_is_cut_off(int sent)
    {
        await using var host = await TlsHost.StartAsync(("Tls:HandshakeTimeout", "00:00:01"));
        var hello = SomeHello.Records(SomeHello.Message(Name, size: 400));

        Assert.Empty(await TlsHost.ExchangeAsync(host.TlsPort, hello[..sent]));
    }

    [Fact]
    public async Task A_client_that_stops_in_its_handshake_is_cut_off()
    {
        await using var host = await TlsHost.StartAsync(("Tls:HandshakeTimeout", "00:00:02"));
        host.Add(Name);

        // The server's part of the handshake, then the end of the connection.
        Assert.Equal(22, (await TlsHost.ExchangeAsync(
            host.TlsPort, SomeHello.Records(Tls12(SomeHello.Message(Name)))))[0]);
    }

    [Fact]
    public async Task A_restarted_process_serves_from_its_sealed_copy_while_the_database_is_away()
    {
        using var folder = new TemporaryFolder();
        (string, string) copy = ("Tls:CopyFile", folder.In("certificates.copy"));
        byte[] served;
        await using (var first = await TlsHost.StartAsync(copy))
        {
            served = first.Add(Name).Chain[0];
            await using var tls = await first.ConnectAsync(Name);
        }

        await using var second = await TlsHost.StartAsync(copy);
        second.IsAway = true;
        await using var again = await second.ConnectAsync(Name);
        Assert.Equal(served, again.RemoteCertificate!.GetRawCertData());
        await Assert.ThrowsAsync<AuthenticationException>(() => second.ConnectAsync("www.other.example"));
    }

    // The ClientHello has no supported_versions extension, which most clients have.
    private static byte[] Tls12(byte[] message)
    {
        var at = message.AsSpan().IndexOf((byte[])[0, 43, 0, 3, 2, 3, 4]);
        // An unknown extension.
        (message[at], message[at + 1]) = (0x7F, 0xFE);
        return message;
    }

    // The alert, or the type of the first record.
    private async Task<int> AnswerAsync(byte[] sent)
    {
        var received = new byte[7];
        using var client = new TcpClient("127.0.0.1", _host.TlsPort);
        await client.GetStream().WriteAsync(sent);
        var read = await client.GetStream().ReadAtLeastAsync(received, received.Length, throwOnEndOfStream: false);
        return read == 0 ? 0 : received[0] == 21 ? received[6] : received[0];
    }

    private static async Task<int> ReadToEndAsync(SslStream tls)
    {
        try
        {
            await tls.WriteAsync("GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n"u8.ToArray());
            return await tls.ReadAsync(new byte[1]);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static X509Certificate2 Challenge()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        return new CertificateRequest("CN=challenge", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
    }

    /// <summary>Each byte is written by itself.</summary>
    private sealed class ByteByByte(NetworkStream stream) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush() => stream.Flush();

        public override int Read(byte[] buffer, int offset, int count) => stream.Read(buffer, offset, count);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            stream.ReadAsync(buffer, cancellationToken);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override async ValueTask WriteAsync(
            ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            for (var i = 0; i < buffer.Length; i++)
            {
                await stream.WriteAsync(buffer.Slice(i, 1), cancellationToken);
            }
        }
    }
}

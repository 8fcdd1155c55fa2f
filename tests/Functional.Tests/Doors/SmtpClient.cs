using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Tracking.Functional.Tests.Doors;

/// <summary>An SMTP client that sends exactly the test's bytes.</summary>
internal sealed class SmtpClient : IDisposable
{
    private readonly TcpClient _client = new();
    private Stream _stream = Stream.Null;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static async Task<SmtpClient> ConnectAsync(EndPoint address)
    {
        var client = new SmtpClient();
        var at = (IPEndPoint)address;
        await client._client.ConnectAsync(at.Address, at.Port, Cancelled);
        client._stream = client._client.GetStream();
        return client;
    }

    /// <summary>Connects, reads the greeting and says EHLO.</summary>
    public static async Task<SmtpClient> GreetAsync(EndPoint address)
    {
        var client = await ConnectAsync(address);
        Assert.StartsWith("220 ", await client.ReadAsync());
        Assert.StartsWith("250", await client.SayAsync("EHLO mta.example"));
        return client;
    }

    /// <summary>Sends bytes unchanged.</summary>
    public ValueTask SendAsync(string text) => _stream.WriteAsync(Encoding.Latin1.GetBytes(text), Cancelled);

    /// <summary>Sends a command and reads its answer.</summary>
    public async Task<string> SayAsync(string line)
    {
        await SendAsync(line + "\r\n");
        return await ReadAsync();
    }

    /// <summary>Reads an answer, all of its lines; empty when the server has closed the connection.</summary>
    public async Task<string> ReadAsync()
    {
        var text = new StringBuilder();
        var octet = new byte[1];
        var start = 0;
        while (await ReadOctetAsync(octet))
        {
            text.Append((char)octet[0]);
            if (octet[0] == '\n')
            {
                if (text.Length < start + 4 || text[start + 3] != '-')
                {
                    break;
                }

                start = text.Length;
            }
        }

        return text.ToString();
    }

    /// <summary>Begins TLS after a positive answer to STARTTLS.</summary>
    public async Task BeginTlsAsync()
    {
        var tls = new SslStream(_stream);
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "filter.example",
                RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null,
            },
            Cancelled);
        _stream = tls;
    }

    public void Dispose()
    {
        _stream.Dispose();
        _client.Dispose();
    }

    private async Task<bool> ReadOctetAsync(byte[] octet)
    {
        try
        {
            return await _stream.ReadAsync(octet, Cancelled) > 0;
        }
        catch (IOException)
        {
            return false;
        }
    }
}

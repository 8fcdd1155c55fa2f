using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Tracking.System.Tests.Mta;

/// <summary>Hands a message to an SMTP server, as a mail program does.</summary>
internal static class SendMail
{
    /// <summary>Sends a message. Returns when the server has accepted it.</summary>
    public static async Task ToAsync(int port, string sender, IReadOnlyList<string> recipients, byte[] message)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port);
        var stream = client.GetStream();
        using var reader = new StreamReader(stream, Encoding.Latin1);
        await using var writer = new StreamWriter(stream, Encoding.Latin1) { NewLine = "\r\n", AutoFlush = true };
        await ExpectAsync(reader, "220");
        await SayAsync("EHLO client.example.com", "250");
        await SayAsync($"MAIL FROM:<{sender}>", "250");
        foreach (var recipient in recipients)
        {
            await SayAsync($"RCPT TO:<{recipient}>", "250");
        }

        await SayAsync("DATA", "354");
        var text = Encoding.Latin1.GetString(message).ReplaceLineEndings("\r\n");
        await SayAsync(("\r\n" + text).Replace("\r\n.", "\r\n..")[2..].TrimEnd('\r', '\n') + "\r\n.", "250");
        await SayAsync("QUIT", "221");

        async Task SayAsync(string line, string code)
        {
            await writer.WriteLineAsync(line);
            await ExpectAsync(reader, code);
        }
    }

    private static async Task ExpectAsync(StreamReader reader, string code)
    {
        string? line;
        do
        {
            line = await reader.ReadLineAsync();
            Assert.StartsWith(code, line);
        }
        while (line!.Length > 3 && line[3] == '-');
    }
}

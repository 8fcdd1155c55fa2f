using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Tracking.Servers;

namespace Tracking.System.Tests.Mta;

/// <summary>An OpenDKIM that signs the mail of <c>example.com</c>, as at a real MTA.</summary>
internal sealed class SigningMilter : IDisposable
{
    private readonly TemporaryFolder _folder;
    private readonly ServerProcess _process;

    private SigningMilter(TemporaryFolder folder, ServerProcess process, int port) =>
        (_folder, _process, Port) = (folder, process, port);

    /// <summary>The port for the MTA.</summary>
    public int Port { get; }

    /// <summary>Starts the milter and waits until it listens.</summary>
    public static async Task<SigningMilter> StartAsync(CancellationToken cancellationToken)
    {
        var folder = new TemporaryFolder();
        var port = FreePort.Take(1)[0];
        using (var key = RSA.Create(2048))
        {
            await File.WriteAllTextAsync(folder.In("key.pem"), key.ExportRSAPrivateKeyPem(), cancellationToken);
        }

        File.SetUnixFileMode(folder.In("key.pem"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await File.WriteAllTextAsync(
            folder.In("opendkim.conf"),
            $"""
            Mode s
            Domain example.com
            Selector test
            KeyFile {folder.In("key.pem")}
            RequireSafeKeys false
            Canonicalization relaxed/simple
            Socket inet:{port.ToString(CultureInfo.InvariantCulture)}@127.0.0.1
            TemporaryDirectory {folder.Path}

            """,
            cancellationToken);
        var process = await ServerProcess.StartAsync(
            ["/usr/sbin/opendkim", "-f", "-x", folder.In("opendkim.conf")],
            folder.Path,
            new Dictionary<string, string>());
        var milter = new SigningMilter(folder, process, port);
        try
        {
            await Eventually.HoldsAsync(
                async () => process.HasExited || await ListensAsync(port), "OpenDKIM listens", cancellationToken);
            Assert.False(process.HasExited, $"OpenDKIM did not start: {process.Output}");
            return milter;
        }
        catch
        {
            milter.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _process.Dispose();
        _folder.Dispose();
    }

    private static async Task<bool> ListensAsync(int port)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

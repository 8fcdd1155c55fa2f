using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Npgsql;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Standalone;

/// <summary>
/// A Standalone for tests that do not change it: started for the first time, stopped and started again. Its data folder
/// is in a folder that other users cannot enter.
/// </summary>
public sealed class RestartedStandalone : IAsyncLifetime
{
    /// <summary>The mode of the data folder and of the folder around it.</summary>
    public const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly TemporaryFolder _folder = new();

    /// <summary>The running process after the restart.</summary>
    public StandaloneProcess Process { get; private set; } = null!;

    /// <summary>The folder around its data folder.</summary>
    public string ClosedFolder => _folder.In("closed");

    /// <summary>The state before the restart.</summary>
    public SeenAtFirstStart First { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Directory.CreateDirectory(ClosedFolder, OwnerOnly);
        var settings = new Dictionary<string, string>
        {
            ["Tracking__SystemHost"] = "track.example.net",
            ["Tracking__Connections__HeadersTimeout"] = "00:00:01",
        };
        Process = await StandaloneProcess.StartAsync(
            CancellationToken.None, Path.Combine(ClosedFolder, "data"), settings);
        First = new(Process.Output, Process.AdminKey, await AdminHashesAsync(), await CertificateAsync());
        await Process.StopAsync(CancellationToken.None);
        await Process.RestartAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        First.Certificate.Dispose();
        _folder.Dispose();
    }

    /// <summary>The stored hashes of admin keys.</summary>
    public Task<List<byte[]>> AdminHashesAsync() => AdminHashesAsync(Process);

    /// <inheritdoc cref="AdminHashesAsync()"/>
    public static async Task<List<byte[]>> AdminHashesAsync(StandaloneProcess standalone)
    {
        await using var dataSource = NpgsqlDataSource.Create(standalone.DatabaseConnection);
        await using var command = dataSource.CreateCommand(
            "SELECT secret_hash FROM management.api_keys WHERE cluster_id IS NULL");
        await using var reader = await command.ExecuteReaderAsync();
        var hashes = new List<byte[]>();
        while (await reader.ReadAsync())
        {
            hashes.Add(reader.GetFieldValue<byte[]>(0));
        }

        return hashes;
    }

    /// <summary>The edge's certificate.</summary>
    public async Task<X509Certificate2> CertificateAsync()
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", Process.EdgeTls.Port);
        X509Certificate2? served = null;
        await using var tls = new SslStream(client.GetStream(), false, (_, certificate, _, _) =>
        {
            served = X509CertificateLoader.LoadCertificate(certificate!.GetRawCertData());
            return served is not null;
        });
        await tls.AuthenticateAsClientAsync("track.example.net");
        return served!;
    }

    /// <summary>The output and the stored keys of the first start.</summary>
    public sealed record SeenAtFirstStart(
        string Output, string AdminKey, List<byte[]> AdminHashes, X509Certificate2 Certificate);
}

/// <summary>One process for all tests that do not change it.</summary>
[CollectionDefinition(nameof(RestartedCollection))]
public sealed class RestartedCollection : ICollectionFixture<RestartedStandalone>;

using System.Net;
using Npgsql;
using Tracking.Servers;

namespace Tracking.System.Tests.Domains;

/// <summary>The form of the installation.</summary>
public enum Installed
{
    /// <summary>Standalone.</summary>
    AsOneProcess,

    /// <summary>Separate services with RabbitMQ and Redis.</summary>
    AsSeparateServices,
}

/// <summary>The system with its surroundings: a real name server with the zones of customer and operator, a resolver,
/// and a certificate authority that checks the system's own ports.</summary>
internal sealed class OwnNameInstallation : IAsyncDisposable
{
    private const string Zone = "example.com";
    private const string NameServer = "@ NS ns1\nns1 A 127.0.0.1\n";

    private readonly int[] _ports = FreePort.Take(3);
    private readonly TemporaryFolder _folder = new();
    private readonly TestKnot _zones;
    private readonly TestUnbound _resolver = new();

    // The authority has its own resolver. It is not asked for the name before the record exists.
    private readonly TestUnbound _resolverOfAuthority = new();
    private readonly TestPebble _authority;
    private IAsyncDisposable? _system;

    private OwnNameInstallation()
    {
        _zones = new TestKnot(new IPEndPoint(IPAddress.Loopback, _ports[0]))
            .Add(Zone, NameServer)
            .Add("op.net", NameServer + "links A 127.0.0.1\n*.track A 127.0.0.1");
        _authority = new TestPebble { Looks = (_ports[1], _ports[2], _resolverOfAuthority.EndPoint) };
    }

    /// <summary>The API's address.</summary>
    public Uri Api { get; private set; } = null!;

    /// <summary>The admin API key.</summary>
    public string AdminKey { get; private set; } = "";

    /// <summary>The port for recipients over https.</summary>
    public int TlsPort => _ports[2];

    private string Database { get; set; } = "";

    /// <summary>Starts everything.</summary>
    public static async Task<OwnNameInstallation> StartAsync(Installed installed, CancellationToken cancellationToken)
    {
        var installation = new OwnNameInstallation();
        try
        {
            await installation._zones.StartAsync(cancellationToken);
            foreach (var resolver in new[] { installation._resolver, installation._resolverOfAuthority })
            {
                await resolver.Ask(Zone, installation._zones.EndPoint)
                    .Ask("op.net", installation._zones.EndPoint).StartAsync(cancellationToken);
            }

            await installation._authority.StartAsync(cancellationToken);
            await File.WriteAllTextAsync(
                installation._folder.In("authority.pem"), installation._authority.RootPem, cancellationToken);
            await (installed == Installed.AsOneProcess
                ? installation.StartOneProcessAsync(cancellationToken)
                : installation.StartServicesAsync(cancellationToken));
            return installation;
        }
        catch
        {
            await installation.DisposeAsync();
            throw;
        }
    }

    /// <summary>Publishes the customer's record.</summary>
    public Task PublishAsync(string target, CancellationToken cancellationToken) =>
        _zones.ReplaceAsync(Zone, $"{NameServer}track.shop CNAME {target}.", cancellationToken);

    /// <summary>Simulates a passed day: moves the times in the database back, and makes every name due.</summary>
    public async Task PassADayAsync(CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(Database);
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            """
            UPDATE domains.tracking_domains SET next_check_at = now(), struck_at = struck_at - interval '25 hours',
                last_checked_at = last_checked_at - interval '25 hours'
            """,
            connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (_system is not null)
        {
            await _system.DisposeAsync();
        }

        await _authority.DisposeAsync();
        await _resolverOfAuthority.DisposeAsync();
        await _resolver.DisposeAsync();
        await _zones.DisposeAsync();
        _folder.Dispose();
    }

    private async Task StartOneProcessAsync(CancellationToken cancellationToken)
    {
        var standalone = await StandaloneProcess.StartAsync(
            cancellationToken,
            settings: Join(Names, Dns, Authority, new Dictionary<string, string>
            {
                ["TRACKING_EDGE_PORT"] = $"{_ports[1]}",
                ["TRACKING_EDGE_TLS_PORT"] = $"{_ports[2]}",
            }));
        _system = standalone;
        (Api, AdminKey, Database) = (standalone.Api, standalone.AdminKey, standalone.DatabaseConnection);
    }

    private async Task StartServicesAsync(CancellationToken cancellationToken)
    {
        var deployment = await Deployment.StartAsync(
            new DeploymentShape
            {
                IsWhole = true,
                SystemPort = _ports[1],
                GatewayTlsPort = _ports[2],
                Settings = Names,
                VerifierSettings = Dns,
                CertificateSettings = Join(Dns, Authority, new Dictionary<string, string>
                {
                    ["Tracking__Certificates__HttpPort"] = $"{_ports[1]}",
                    ["Tracking__Certificates__TlsPort"] = $"{_ports[2]}",
                }),
            },
            cancellationToken);
        _system = deployment;
        (Api, AdminKey, Database) = (deployment.Api, deployment.AdminKey, deployment.Postgres.ConnectionString);
    }

    private static Dictionary<string, string> Names => new()
    {
        ["Tracking__SystemHost"] = "links.op.net",
        ["Tracking__SystemZone"] = "track.op.net",
    };

    private Dictionary<string, string> Dns => new()
    {
        ["Tracking__Dns__Resolvers__0"] = _resolver.EndPoint.ToString(),
        ["Tracking__Dns__NameServerPort"] = $"{_ports[0]}",
        ["Tracking__Dns__AllowPrivateAddresses"] = "true",
    };

    private Dictionary<string, string> Authority => new()
    {
        ["Tracking__Certificates__Authorities__0__Directory"] = _authority.Directory,
        ["Tracking__Certificates__Authorities__0__RootCertificates"] = _folder.In("authority.pem"),
        ["Tracking__Certificates__AcceptTermsOfService"] = "true",
    };

    private static Dictionary<string, string> Join(params IEnumerable<Dictionary<string, string>> parts) =>
        parts.SelectMany(part => part).ToDictionary(setting => setting.Key, setting => setting.Value);
}

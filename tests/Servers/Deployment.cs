using System.Globalization;
using System.Security.Cryptography;
using Npgsql;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Servers;

/// <summary>The parts of the system that a <see cref="Deployment"/> starts.</summary>
public sealed record DeploymentShape
{
    /// <summary>The number of rewriters.</summary>
    public int Rewriters { get; init; } = 1;

    /// <summary>The number of edges, each with its own folder.</summary>
    public int Edges { get; init; } = 1;

    /// <summary>The number of event ingests.</summary>
    public int Ingests { get; init; } = 1;

    /// <summary>The number of APIs.</summary>
    public int Managements { get; init; } = 1;

    /// <summary>Whether gateway, verifier and certificates run too. Without them links lead to the first
    /// edge.</summary>
    public bool IsWhole { get; init; }

    /// <summary>Environment variables of every service except the migrator.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>The port of links and of the gateway's http; any free one unless given.</summary>
    public int? SystemPort { get; init; }

    /// <summary>The port on which the gateway ends TLS; none unless given.</summary>
    public int? GatewayTlsPort { get; init; }

    /// <summary>Environment variables of the gateway.</summary>
    public IReadOnlyDictionary<string, string> GatewaySettings { get; init; } = new Dictionary<string, string>();

    /// <summary>Environment variables of the verifier.</summary>
    public IReadOnlyDictionary<string, string> VerifierSettings { get; init; } = new Dictionary<string, string>();

    /// <summary>Environment variables of the certificate service.</summary>
    public IReadOnlyDictionary<string, string> CertificateSettings { get; init; } = new Dictionary<string, string>();

    /// <summary>Environment variables of the edges.</summary>
    public IReadOnlyDictionary<string, string> EdgeSettings { get; init; } = new Dictionary<string, string>();

    /// <summary>Environment variables of the event ingests.</summary>
    public IReadOnlyDictionary<string, string> IngestSettings { get; init; } = new Dictionary<string, string>();
}

/// <summary>
/// The system as separate processes of the built programs, with its own PostgreSQL, RabbitMQ and Redis. Each service
/// has only its secrets from <c>deploy/make-secrets</c>, and its own user at each of the three engines.
/// </summary>
public sealed class Deployment : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, string> _environment = [];
    private readonly DeploymentShape _shape;
    private readonly int _systemPort;
    private MadeSecrets? _secrets;

    private Deployment(DeploymentShape shape) =>
        (_shape, _systemPort) = (shape, shape.SystemPort ?? FreePort.Take(1)[0]);

    /// <summary>The database server.</summary>
    public BreakablePostgres Postgres { get; private set; } = null!;

    /// <summary>The broker.</summary>
    public TestRabbit Rabbit { get; } = new();

    /// <summary>The broker's virtual host.</summary>
    public TestVirtualHost Bus { get; private set; } = null!;

    /// <summary>The cache.</summary>
    public TestRedis Redis { get; } = new() { Password = RandomNumberGenerator.GetHexString(16) };

    /// <summary>The rewriters.</summary>
    public IReadOnlyList<ServiceProcess> Rewriters { get; private set; } = [];

    /// <summary>The edges.</summary>
    public IReadOnlyList<ServiceProcess> Edges { get; private set; } = [];

    /// <summary>The event ingests.</summary>
    public IReadOnlyList<ServiceProcess> Ingests { get; private set; } = [];

    /// <summary>The APIs.</summary>
    public IReadOnlyList<ServiceProcess> Managements { get; private set; } = [];

    /// <summary>The gateway of a whole deployment.</summary>
    public ServiceProcess? Gateway { get; private set; }

    /// <summary>Every service, the gateway last.</summary>
    public IReadOnlyList<ServiceProcess> Services { get; private set; } = [];

    /// <summary>The API's address: the gateway's, if there is one.</summary>
    public Uri Api => Gateway?.Address ?? Managements[0].Address;

    /// <summary>The address for rewriting over HTTP.</summary>
    public Uri Rewrite => Gateway?.Address ?? Rewriters[0].Address;

    /// <summary>The admin API key.</summary>
    public string AdminKey { get; private set; } = "";

    /// <summary>Starts engines, migrator and services, and waits until all are ready.</summary>
    public static async Task<Deployment> StartAsync(DeploymentShape shape, CancellationToken cancellationToken)
    {
        var deployment = await StartEnginesAsync(shape, cancellationToken);
        try
        {
            await deployment.MigrateAsync(cancellationToken);
            await deployment.StartServicesAsync();
            await deployment.UntilReadyAsync(cancellationToken);
            return deployment;
        }
        catch
        {
            await deployment.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the engines; the database is empty.</summary>
    public static async Task<Deployment> StartEnginesAsync(
        DeploymentShape shape, CancellationToken cancellationToken)
    {
        var deployment = new Deployment(shape);
        try
        {
            var postgres = BreakablePostgres.CreateAsync(cancellationToken);
            var bus = deployment.Rabbit.CreateVirtualHostAsync(cancellationToken);
            await Task.WhenAll(postgres, bus, deployment.Redis.StartAsync(cancellationToken))
                .ContinueWith(_ => { }, TaskScheduler.Default);
            deployment.Postgres = await postgres;
            deployment.Bus = await bus;
            await deployment.Redis.StartAsync(cancellationToken);
            await deployment.ComposeAsync(cancellationToken);
            return deployment;
        }
        catch
        {
            await deployment.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs the migrator to its end.</summary>
    public async Task MigrateAsync(CancellationToken cancellationToken)
    {
        using var migrator = new ServiceProcess(
            "Migrator", "migrator", _folder.Path, With("migrator", new DeploymentShape().Settings, []));
        if (await migrator.RunToEndAsync(cancellationToken) is not 0 and var code)
        {
            throw new InvalidOperationException($"The migrator ended with {code}:\n{migrator.Output}");
        }
    }

    /// <summary>Starts all services without waiting for them.</summary>
    public Task StartServicesAsync() => Task.WhenAll(Services.Select(service => service.LaunchAsync()));

    /// <summary>Waits until all services are ready.</summary>
    public Task UntilReadyAsync(CancellationToken cancellationToken) =>
        Task.WhenAll(Services.Select(service => service.UntilReadyAsync(cancellationToken)));

    /// <summary>Whether every edge knows that all its events are stored.</summary>
    public bool AreSpoolsEmpty() => Enumerable.Range(0, Edges.Count).All(number =>
        new DirectoryInfo(Path.Combine(EdgeFolder(number), "spool")).EnumerateFiles().All(IsEmpty));

    /// <summary>The services' log lines above the level information, for the output of a failed test.</summary>
    public string Complaints()
    {
        var complaints = Services.SelectMany(service => service.Output.Split('\n')
            .Where(line => line.Length > 0 && !line.Contains(" info ", StringComparison.OrdinalIgnoreCase))
            .TakeLast(100)
            .Select(line => $"{service.Name}: {line}"));
        return string.Join('\n', complaints);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var service in Services)
        {
            service.Dispose();
        }

        await Rabbit.DisposeAsync();
        await Redis.DisposeAsync();
        if (Postgres is not null)
        {
            await Postgres.DisposeAsync();
        }

        _secrets?.Dispose();
        _folder.Dispose();
    }

    private async Task ComposeAsync(CancellationToken cancellationToken)
    {
        _secrets = MakeSecrets();
        AdminKey = _secrets.Read("Tracking__Migrator__AdminKey");
        await ServiceLogins.RunScriptAsync(Postgres.ConnectionString, _secrets.Folder);
        await Bus.AddAccountsAsync(_secrets.Read("rabbitmq_definitions.json"), cancellationToken);
        await Redis.SetUsersAsync(_secrets.Read("redis_users.conf").Split('\n'), cancellationToken);
        _environment["Tracking__SystemScheme"] = "http";
        _environment["Tracking__SystemPort"] = Text(_systemPort);

        Rewriters = Copies("Rewrite", "rewrite", _shape.Rewriters);
        Ingests = Copies("EventIngest", "ingest", _shape.Ingests, Pairs(_shape.IngestSettings));
        Managements = Copies("Management", "management", _shape.Managements);
        Edges = [.. Enumerable.Range(0, _shape.Edges).Select(Edge)];
        Services = [.. Rewriters, .. Edges, .. Ingests, .. Managements];
        if (_shape.IsWhole)
        {
            var certificates = Copies("Certificates", "certificates", 1, Pairs(_shape.CertificateSettings));
            var verifiers = Copies("DomainVerifier", "verifier", 1, Pairs(_shape.VerifierSettings));
            Gateway = new ServiceProcess("Gateway", "gateway", _folder.Path, With("gateway", _shape.Settings, [
                ("OTEL_SERVICE_NAME", "gateway"),
                ("Tracking__Gateway__Edge", "proxied"),
                .. GatewaySecrets(), .. Pairs(_shape.GatewaySettings),
                .. Endpoints("rewrite", Rewriters), .. Endpoints("management", Managements),
                .. Endpoints("edge", Edges), .. Endpoints("certificates", certificates)]), _systemPort, GatewayUrls());
            Services = [.. Services, .. verifiers, .. certificates, Gateway];
        }
    }

    private string? GatewayUrls() => _shape.GatewayTlsPort is { } port
        ? $"{ServiceProcess.Loopback(_systemPort)};https://127.0.0.1:{Text(port)}"
        : null;

    // A gateway that ends TLS with certificates of tracking domains needs the secrets of an edge.
    private (string, string)[] GatewaySecrets() =>
        _shape.GatewayTlsPort is null ? [] : [(ReadSecretFiles.Variable, _secrets!.FolderOf("edge"))];

    private ServiceProcess Edge(int number)
    {
        var health = FreePort.Take(1)[0];
        var edge = $"edge-{number + 1}";
        return new ServiceProcess(
            "RedirectEdge",
            edge,
            _folder.Path,
            With("edge", _shape.Settings, [
                ("OTEL_SERVICE_NAME", edge),
                ("Tracking__Edge__Folder", EdgeFolder(number)),
                ("Tracking__Edge__HealthPort", Text(health)),
                ("Tracking__Edge__Gateways__0", "127.0.0.0/8"),
                .. Pairs(_shape.EdgeSettings)]),
            number == 0 && !_shape.IsWhole ? _systemPort : null)
        {
            Health = ServiceProcess.Loopback(health),
        };
    }

    private ServiceProcess[] Copies(
        string project, string name, int count, params IEnumerable<(string, string)> settings) =>
        [.. Enumerable.Range(1, count).Select(number => new ServiceProcess(
            project,
            $"{name}-{number}",
            _folder.Path,
            With(name, _shape.Settings, [("OTEL_SERVICE_NAME", name), .. settings])))];

    private MadeSecrets MakeSecrets()
    {
        var postgres = new NpgsqlConnectionStringBuilder(Postgres.ConnectionString);
        return new MadeSecrets(new Dictionary<string, string>
        {
            ["POSTGRES"] = $"Host={postgres.Host};Port={postgres.Port};Database={postgres.Database}",
            ["RABBITMQ"] = $"{Bus.AmqpUri.Authority}{Bus.AmqpUri.AbsolutePath}",
            ["REDIS"] = Redis.ConnectionString.Split(',')[0],
        });
    }

    private static IEnumerable<(string, string)> Pairs(IReadOnlyDictionary<string, string> settings) =>
        settings.Select(setting => (setting.Key, setting.Value));

    private static IEnumerable<(string, string)> Endpoints(string name, IEnumerable<ServiceProcess> services) =>
        services.Select((service, index) => ($"services__{name}__http__{index}", service.Address.AbsoluteUri));

    // The later value wins.
    private Dictionary<string, string> With(
        string service,
        IReadOnlyDictionary<string, string> ofAll,
        IEnumerable<(string Name, string Value)> settings)
    {
        var all = new Dictionary<string, string>(_environment);
        if (_secrets!.Of(service).Count > 0)
        {
            all[ReadSecretFiles.Variable] = _secrets.FolderOf(service);
        }

        foreach (var (name, value) in Pairs(ofAll).Concat(settings))
        {
            all[name] = value;
        }

        return all;
    }

    private string EdgeFolder(int number) => _folder.In($"edge-{number + 1}");

    // An acknowledged file may have been deleted by now.
    private static bool IsEmpty(FileInfo segment)
    {
        try
        {
            return segment.Length == 0;
        }
        catch (FileNotFoundException)
        {
            return true;
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

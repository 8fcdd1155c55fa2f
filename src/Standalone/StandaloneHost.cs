using System.Collections;
using System.Globalization;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration.Memory;
using Tracking.Database;
using Tracking.Links;
using Tracking.ServiceDefaults.Hosting;
using Tracking.ServiceDefaults.Settings;
using Tracking.ServiceDefaults.Telemetry;
using Tracking.Standalone.Demo;
using Tracking.Standalone.PrivatePostgres;
using Tracking.Tls;
using Tracking.Tls.Certificates;

namespace Tracking.Standalone;

/// <summary>
/// The parts around the services in one process: the data folder, the ports, the private database and the first keys.
/// The services stop first, then the database.
/// </summary>
internal sealed class StandaloneHost : IAsyncDisposable
{
    // Leaves the private database its share of the ten seconds that a stop may take.
    private static readonly TimeSpan _servicesShutdown = TimeSpan.FromSeconds(5);

    private readonly TimeProvider _time;
    private readonly long _began;
    private readonly bool _isDemo;
    private ILoggerFactory? _loggers;
    private PrivateDatabase? _database;
    private SelfSignedCertificate? _certificate;
    private string? _newAdminKey;

    private StandaloneHost(DataFolder folder, BindListeners listeners, bool isDemo, TimeProvider time)
    {
        (Folder, Listeners, _isDemo, _time, _began) = (folder, listeners, isDemo, time, time.GetTimestamp());
    }

    /// <summary>The data folder, held while this object lives.</summary>
    public DataFolder Folder { get; }

    /// <summary>The addresses on which the process listens.</summary>
    public BindListeners Listeners { get; }

    /// <summary>The ports that belong to the edge alone.</summary>
    public int[] EdgePorts =>
        [.. Listeners.Edge.Concat(Listeners.EdgeTls).Select(endpoint => endpoint.Port).Distinct()];

    /// <summary>Takes the data folder and the ports, and adds their settings and logs.</summary>
    /// <exception cref="StartUpException">A setting is wrong, or a resource is in use. The message has the
    /// remedy.</exception>
    public static StandaloneHost Open(WebApplicationBuilder builder)
    {
        var settings = StandaloneSettings.Read(Environment.GetEnvironmentVariables()
            .Cast<DictionaryEntry>()
            .Select(entry => KeyValuePair.Create((string)entry.Key, entry.Value as string ?? "")));
        var folder = DataFolder.Open(settings.DataFolder);
        try
        {
            var host = new StandaloneHost(folder, BindListeners.To(settings), settings.IsDemo, TimeProvider.System);
            builder.Configuration.Sources.Insert(
                0, new MemoryConfigurationSource { InitialData = Defaults(folder, host.Listeners) });
            if (bool.TryParse(builder.Configuration["Tracking:Dns:AllowPrivateAddresses"], out var isLab) && isLab)
            {
                builder.Configuration.Sources.Insert(
                    0, new MemoryConfigurationSource { InitialData = LaboratoryDefaults(host.Listeners) });
            }

            AddSettings(builder);
            return host;
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>Adds this program's own settings.</summary>
    public static void AddSettings(IHostApplicationBuilder builder) =>
        builder.AddTrackingOptions<StandaloneOptions>(section: "");

    /// <summary>Checks every setting of the added services, then starts the database and makes the first
    /// keys.</summary>
    /// <exception cref="StartUpException">A setting is wrong, or a part is missing. The message has the
    /// remedy.</exception>
    public async Task PrepareAsync(WebApplicationBuilder builder, CancellationToken cancellationToken = default)
    {
        builder.CheckSettings();
        var loggers = _loggers = LoggerFactory.Create(logging =>
        {
            logging.AddConfiguration(builder.Configuration.GetSection("Logging"));
            OneLineConsole.AddTo(logging, _time);
        });
        using var masterKey = PrepareMasterKey(builder.Configuration);

        const string Connection = $"ConnectionStrings:{OpenDataSource.ConnectionName}";
        if (string.IsNullOrWhiteSpace(builder.Configuration[Connection]))
        {
            var pools = builder.Configuration.ReadTrackingOptions<DatabaseOptions>(DatabaseOptions.Section);
            _database = await PrivateDatabase.StartAsync(
                Folder,
                builder.Configuration.ReadTrackingOptions<StandaloneOptions>("").PostgresBin,
                new ServerSettings
                {
                    Connections = ServerSettings.ConnectionsFor(pools.MailConnections + pools.ApiConnections),
                },
                loggers.CreateLogger<PrivateDatabase>(),
                _time,
                cancellationToken);
            builder.Configuration[Connection] = _database.ConnectionString;
        }

        await using var dataSource = OpenDataSource.From(builder.Configuration);
        await new Migrator(dataSource, loggers.CreateLogger<Migrator>()).ApplyAsync(cancellationToken);
        await MakeFirstSigningKey.UnlessThereAsync(dataSource, masterKey, cancellationToken);
        _newAdminKey = await CreateAdminKey.UnlessThereAsync(Folder, dataSource, _time, cancellationToken);
        ConfigureKestrel(builder);
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = _servicesShutdown);
    }

    /// <summary>Starts the services, announces them, and waits for the end.</summary>
    public async Task RunAsync(WebApplication app)
    {
        await using (app)
        {
            app.CheckBeforeStart();
            // Refused here with one line. The exception of a hosted service would be logged with its stack first.
            await app.Services.GetRequiredService<SigningKeyRing>().RefreshAsync(CancellationToken.None);
            await app.StartAsync();
            var took = _time.GetElapsedTime(_began);
            var demo = _isDemo ? await MakeWeek.RunAsync(app, Listeners.Api, Folder.AdminKey) : null;
            await AnnounceReady.WriteAsync(
                Console.Out,
                took,
                Folder,
                Listeners,
                demo,
                // Every output except a terminal may be stored: a journal, a container's log, a file.
                Console.IsOutputRedirected ? null : _newAdminKey);
            await app.WaitForShutdownAsync();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_database is not null)
        {
            await _database.DisposeAsync();
        }

        _certificate?.Dispose();
        Listeners.Dispose();
        Folder.Dispose();
        _loggers?.Dispose();
    }

    private MasterKey PrepareMasterKey(ConfigurationManager configuration)
    {
        var system = configuration.ReadTrackingOptions<SystemOptions>("");
        if (string.IsNullOrWhiteSpace(system.MasterKeyFile) && string.IsNullOrWhiteSpace(system.MasterKey))
        {
            CreateMasterKey.UnlessThere(Folder);
            configuration["Tracking:MasterKeyFile"] = system.MasterKeyFile = Folder.MasterKey;
        }

        return OpenMasterKey.From(system);
    }

    private static Dictionary<string, string?> Defaults(DataFolder folder, BindListeners listeners) => new()
    {
        ["Tracking:SystemHost"] = "track.localhost",
        ["Tracking:SystemScheme"] = "http",
        ["Tracking:SystemPort"] = Port(listeners.Edge),
        ["Tracking:Edge:Folder"] = folder.EdgeSpool,
        ["Tracking:Tls:CopyFile"] = folder.CertificateCopy,
    };

    // In a laboratory (private addresses are allowed) the edge's ports take the place of 80 and 443.
    private static Dictionary<string, string?> LaboratoryDefaults(BindListeners listeners) => new()
    {
        ["Tracking:Certificates:HttpPort"] = Port(listeners.Edge),
        ["Tracking:Certificates:TlsPort"] = Port(listeners.EdgeTls),
    };

    private static string Port(IReadOnlyList<System.Net.IPEndPoint> endpoints) =>
        endpoints[0].Port.ToString(CultureInfo.InvariantCulture);

    private void ConfigureKestrel(WebApplicationBuilder builder)
    {
        var systemHost = builder.Configuration.ReadTrackingOptions<SystemOptions>("").SystemHost;
        _certificate = new SelfSignedCertificate(Folder, systemHost, _time);
        builder.Services.AddSingleton<ICertificateSource>(_certificate);
        builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = Listeners.Take);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            foreach (var endpoint in Listeners.Http)
            {
                kestrel.Listen(endpoint, listen => listen.Protocols = HttpProtocols.Http1);
            }

            foreach (var endpoint in Listeners.Edge)
            {
                kestrel.Listen(endpoint, listen =>
                {
                    listen.Protocols = HttpProtocols.Http1;
                    listen.UsePlain();
                });
            }

            foreach (var endpoint in Listeners.EdgeTls)
            {
                kestrel.Listen(endpoint, listen => listen.UseTls());
            }
        });
    }
}

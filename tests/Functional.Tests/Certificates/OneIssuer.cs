using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using Tracking.AcmeAuthority;
using Tracking.Certificates;
using Tracking.Certificates.Issuance;
using Tracking.Certificates.Renewal;
using Tracking.Certificates.Requests;
using Tracking.Database;
using Tracking.Links;
using Tracking.Servers;
using Tracking.ServiceDefaults;

namespace Tracking.Functional.Tests.Certificates;

/// <summary>A database with the rows of tracking domains, and authorities in this process.</summary>
internal sealed class IssuanceDatabase : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<OneIssuer> _issuers = [];

    private IssuanceDatabase(string connectionString, TestAuthority[] authorities)
    {
        ConnectionString = connectionString;
        Authorities = authorities;
        DataSource = NpgsqlDataSource.Create(connectionString);
    }

    public string ConnectionString { get; }

    public NpgsqlDataSource DataSource { get; }

    public IReadOnlyList<TestAuthority> Authorities { get; }

    /// <summary>The names that were announced to gateways.</summary>
    public ConcurrentQueue<string> Announced { get; } = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static async Task<IssuanceDatabase> CreateAsync(TestPostgres server, int authorities = 1)
    {
        var all = Enumerable.Range(0, authorities).Select(_ => new TestAuthority()).ToArray();
        foreach (var authority in all)
        {
            await authority.StartAsync();
        }

        return new IssuanceDatabase(await server.CreateDatabaseAsync(Cancelled), all);
    }

    /// <summary>A separate process in the program's composition, which works only when a test says so. A process that
    /// dies is not disposed before the test's end, because a killed process cleans up nothing.</summary>
    public OneIssuer Start(TimeSpan ahead = default, params (string Key, string Value)[] settings)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:tracking"] = ServiceLogins.Of(ConnectionString, "certificates"),
            ["Tracking:MasterKey"] = Convert.ToBase64String(new byte[MasterKey.Size]),
            ["Tracking:Certificates:CheckBeforeOrder"] = "false",
            ["Tracking:Certificates:RequestTimeout"] = "00:00:10",
            ["Tracking:Certificates:ChallengeHeadStart"] = "00:00:00",
            // No resolver listens there, so CAA is unknown and forbids nothing.
            ["Tracking:Dns:Resolvers:0"] = "127.0.0.1:9",
            ["Tracking:Dns:QueryTimeout"] = "00:00:00.200",
            ["Tracking:Dns:SendAgainAfter"] = "00:00:00.100",
        });
        foreach (var (index, authority) in Authorities.Index())
        {
            var roots = _folder.In($"roots-{index}.pem");
            File.WriteAllText(roots, authority.RootPem);
            var section = string.Create(CultureInfo.InvariantCulture, $"Tracking:Certificates:Authorities:{index}");
            builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
            {
                [section + ":Directory"] = authority.Directory,
                [section + ":RootCertificates"] = roots,
            });
        }

        builder.Configuration.AddInMemoryCollection(settings.Select(setting =>
            KeyValuePair.Create(setting.Key, (string?)setting.Value)));
        builder.AddServiceDefaults();
        builder.Services.AddSingleton<TimeProvider>(new TimeAhead(ahead));
        builder.AddCertificates();
        builder.Services.AddSingleton(new HeedHostChange(change => Announced.Enqueue(change.Hostname)));
        var issuer = new OneIssuer(builder.Build());
        _issuers.Add(issuer);
        return issuer;
    }

    /// <summary>A tracking domain that was verified.</summary>
    public Task AddAsync(string name, int cluster = 1) => ExecuteAsync(
        """
        INSERT INTO domains.tracking_domains (id, cluster_id, hostname, target, status)
        VALUES (gen_random_uuid(), $2, $1, gen_random_uuid()::text, 1)
        """,
        name, cluster);

    public async Task ExecuteAsync(string sql, params object[] values)
    {
        await using var command = DataSource.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }

        await command.ExecuteNonQueryAsync(Cancelled);
    }

    /// <summary>The first value of the answer as text; empty for null.</summary>
    public async Task<string> TextAsync(string sql)
    {
        await using var command = DataSource.CreateCommand(sql);
        return Convert.ToString(await command.ExecuteScalarAsync(Cancelled), CultureInfo.InvariantCulture) ?? "";
    }

    /// <summary>Ends the leases of dead processes.</summary>
    public Task ExpireLeasesAsync() =>
        ExecuteAsync("UPDATE certificates.names SET leased_until = now() - interval '1 s'");

    /// <summary>Makes every name due.</summary>
    public Task HurryAsync() => ExecuteAsync("UPDATE certificates.names SET due_at = now() - interval '1 s'");

    public async ValueTask DisposeAsync()
    {
        foreach (var issuer in _issuers)
        {
            await issuer.DisposeAsync();
        }

        foreach (var authority in Authorities)
        {
            await authority.DisposeAsync();
        }

        await DataSource.DisposeAsync();
        _folder.Dispose();
    }

    private sealed class TimeAhead(TimeSpan ahead) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + ahead;
    }
}

/// <summary>A process that gets certificates, step by step.</summary>
internal sealed class OneIssuer(WebApplication app) : IAsyncDisposable
{
    private readonly RenewCertificates _renew = ActivatorUtilities.CreateInstance<RenewCertificates>(app.Services);

    private IServiceProvider Services => app.Services;

    /// <summary>Works once on the due names, one after the other.</summary>
    /// <returns>The number of due names.</returns>
    public async Task<int> LookAsync(CancellationToken cancellationToken)
    {
        await Services.GetRequiredService<FollowDomains>().RunAsync(cancellationToken);
        var names = await ClaimAsync(cancellationToken);
        foreach (var name in names)
        {
            await WorkAsync(name, cancellationToken);
        }

        return names.Count;
    }

    public Task<List<LeasedName>> ClaimAsync(CancellationToken cancellationToken) =>
        Services.GetRequiredService<ClaimNames>().RunAsync(
            100, Services.GetRequiredService<OwnHosts>().Names, cancellationToken);

    public Task WorkAsync(LeasedName name, CancellationToken cancellationToken) =>
        _renew.WorkAsync(name, cancellationToken);

    /// <summary>Carries out requests, one after the other.</summary>
    /// <returns>The number of due requests.</returns>
    public async Task<int> CarryOutAsync(CancellationToken cancellationToken)
    {
        var carryOut = ActivatorUtilities.CreateInstance<CarryOutRequests>(app.Services);
        var done = 0;
        while (await carryOut.RunOneAsync(cancellationToken))
        {
            done++;
        }

        return done;
    }

    /// <summary>Measures and reads the metrics: each instrument with the values of its tags, and its value.</summary>
    public async Task<Dictionary<string, double>> MeasureAsync(CancellationToken cancellationToken)
    {
        await ActivatorUtilities.CreateInstance<MeasureCertificates>(app.Services).RunAsync(cancellationToken);
        var meters = Services.GetRequiredService<IMeterFactory>();
        _ = Services.GetRequiredService<CertificateTelemetry>();
        var figures = new Dictionary<string, double>();
        void Take(Instrument instrument, double figure, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
            figures[string.Join(' ', [instrument.Name, .. tags.ToArray().Select(tag => (string)tag.Value!)])] = figure;
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == CertificateTelemetry.Name && instrument.Meter.Scope == meters)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<double>((instrument, figure, tags, _) => Take(instrument, figure, tags));
        listener.SetMeasurementEventCallback<long>((instrument, figure, tags, _) => Take(instrument, figure, tags));
        listener.SetMeasurementEventCallback<int>((instrument, figure, tags, _) => Take(instrument, figure, tags));
        listener.Start();
        listener.RecordObservableInstruments();
        return figures;
    }

    /// <summary>Requests the operator's own hosts.</summary>
    public Task<IReadOnlyList<(string Host, string Why)>> ProbeAsync(CancellationToken cancellationToken) =>
        ActivatorUtilities.CreateInstance<ProbeOwnHosts>(app.Services).RunAsync(cancellationToken);

    public Task FollowAsync(CancellationToken cancellationToken) =>
        Services.GetRequiredService<FollowDomains>().RunAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        _renew.Dispose();
        await app.DisposeAsync();
    }
}

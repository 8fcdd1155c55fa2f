using System.ComponentModel.DataAnnotations;
using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using Tracking.Certificates;
using Tracking.Database;
using Tracking.Database.Hosts;
using Tracking.DomainVerifier;
using Tracking.EventIngest;
using Tracking.Functional.Tests.Gateway;
using Tracking.Functional.Tests.RedirectEdge;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Gateway;
using Tracking.Links;
using Tracking.Management;
using Tracking.Milter;
using Tracking.RedirectEdge;
using Tracking.Rewrite;
using Tracking.Servers;
using Tracking.ServiceDefaults;
using Tracking.ServiceDefaults.Settings;
using Tracking.SmtpFilter;
using Tracking.Tls;
using Tracking.Tls.Certificates;

namespace Tracking.Functional.Tests.Tenants;

/// <summary>A changed tracking domain acts in every process within 60 s though nobody announces the change. The
/// processes here ask PostgreSQL every second; no setting lets one ask more rarely than every 60 s.</summary>
public sealed class ChangesWithoutTheBusTests(TestPostgres postgres) : IAsyncLifetime
{
    private const int Cluster = 4711;
    private const int Other = 4712;
    private const string Name = "links.shop.example";

    private static readonly (string Key, string Value) _often = ("Tracking:DirectoryRefresh", "00:00:01");
    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(60);

    private readonly TemporaryFolder _folder = new();
    private string _connection = "";
    private NpgsqlDataSource _database = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _connection = await postgres.CreateDatabaseAsync(Cancelled);
        await FirstKey.MakeAsync(_connection);
        _database = NpgsqlDataSource.Create(_connection);
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task The_edge_serves_a_verified_name_and_its_next_owner_and_stops_a_demoted_and_a_deleted_one()
    {
        var link = new LinkId(0xffee_ddcc_bbaa_9988);
        await SomeDomains.ExecuteAsync(
            _database, "INSERT INTO management.clusters (id, name) VALUES ($1, 'one'), ($2, 'two')", Cluster, Other);
        await SomeDomains.ExecuteAsync(
            _database,
            "INSERT INTO links.destinations (cluster_id, link_id, url_hash, url) "
                + "SELECT c, $1, '', 'https://example.com/' FROM unnest($2) c",
            link.ToInt64(),
            new[] { Cluster, Other });
        await SomeDomains.AddAsync(_database, Cluster, Name, isActive: false);
        await using var edge = await EdgeHost.StartAsync(_folder, _connection, _often);
        Task ComesToAsync(int cluster, int status) => Eventually.HoldsAsync(
            async () => await edge.GetAsync(Name, $"/c/{edge.Token(new ClusterId(cluster), link)}") == status,
            $"a link of cluster {cluster} is answered with {status}",
            Cancelled);
        await ComesToAsync(Cluster, 404);

        await ChangeAsync(Cluster, "status = 1");
        await ComesToAsync(Cluster, 302);
        await ChangeAsync(Cluster, "is_retired = true");
        await Eventually.HoldsAsync(
            () => edge.Names.TryGet(Name, out var host) && host!.IsRetired, "the edge knows that it is retired",
            Cancelled);
        await ComesToAsync(Cluster, 302);
        await ChangeAsync(Cluster, "status = 0");
        await ComesToAsync(Cluster, 404);
        await SomeDomains.AddAsync(_database, Other, Name);
        await ComesToAsync(Other, 302);
        await ChangeAsync(Other, "deleted_at = now(), status = 0");
        await ComesToAsync(Other, 404);
    }

    [Fact]
    public async Task The_rewriter_uses_what_a_name_has_become_as_the_default_when_asked_for_it_and_in_links_to_it()
    {
        // The filter and the milter are in this host too, and use the same memory.
        await using var host = await RewriteHost.StartAsync(_connection, _often);
        var cluster = await host.CreateClusterAsync();
        Task SetAsync(string set) => SomeDomains.ChangeAsync(host.Beside, cluster.Value, Name, set);
        async Task ComesToAsync(string member, string value, params (string Name, string Value)[] asked) =>
            await Eventually.HoldsAsync(
                async () =>
                {
                    var report = await host.DryRunAsync(cluster, Mail.Html("x", $"https://{Name}/1"), asked);
                    return (string?)report[member] == value
                        || (string?)report["links"]!.AsArray()[0]![member] == value;
                },
                $"{member} is {value}",
                Cancelled);
        (string, string) thisName = ("tracking-host", Name);
        await SomeDomains.AddAsync(host.Beside, cluster.Value, Name, isActive: false);
        await ComesToAsync("hostIgnoredReason", "pending", thisName);
        await ComesToAsync("decision", "tracked");

        await SetAsync("status = 1");
        await ComesToAsync("host", Name, thisName);
        await ComesToAsync("decision", "tracking-host");
        await ComesToAsync("host", "track.localhost");
        await SetAsync("is_default = true");
        await ComesToAsync("host", Name);
        await SetAsync("certificate_until = now() - interval '1 day'");
        await ComesToAsync("defaultHostIgnoredReason", "no-certificate");
        await SetAsync("certificate_until = now() + interval '30 days'");
        await ComesToAsync("host", Name);
        await SetAsync("is_default = false, is_retired = true");
        await ComesToAsync("host", "track.localhost");
        await ComesToAsync("hostIgnoredReason", "retired", thisName);
        await SetAsync("is_retired = false, status = 0");
        await ComesToAsync("hostIgnoredReason", "pending", thisName);
        await ComesToAsync("decision", "tracked");
        await SetAsync("deleted_at = now()");
        await ComesToAsync("hostIgnoredReason", "not-a-tracking-domain-of-this-cluster", thisName);
    }

    [Fact]
    public async Task A_gateway_in_front_of_edges_knows_which_names_are_served_and_which_have_https()
    {
        await SomeDomains.AddAsync(_database, Cluster, Name, isActive: false);
        await using var gateway = await GatewayHost.StartAsync(
            [
                new("Tracking:Gateway:Edge", "proxied"),
                new("ConnectionStrings:tracking", ServiceLogins.Of(_connection, "edge")),
                new(_often.Key, _often.Value),
            ],
            ServiceNames.Edge);
        var names = gateway.Services.GetRequiredService<SelectCertificate>();
        Assert.True(HostName.TryParse(Name, out var name));
        Task ComesToAsync(HostStanding standing) => Eventually.HoldsAsync(
            async () => await names.LearnStandingAsync(name) == standing, $"the name is {standing}", Cancelled);
        await ComesToAsync(HostStanding.Registered);
        await ChangeAsync(Cluster, "status = 1");
        await ComesToAsync(HostStanding.ActiveWithHttps);
        await ChangeAsync(Cluster, "certificate_until = NULL");
        await ComesToAsync(HostStanding.Active);
        await ChangeAsync(Cluster, "status = 0");
        await ComesToAsync(HostStanding.Registered);
        await ChangeAsync(Cluster, "deleted_at = now()");
        await ComesToAsync(HostStanding.Unknown);
        await SomeDomains.AddAsync(_database, Other, Name);
        await ComesToAsync(HostStanding.ActiveWithHttps);
    }

    [Theory]
    [InlineData(ServiceNames.Rewrite)]
    [InlineData("milter")]
    [InlineData("smtpfilter")]
    [InlineData(ServiceNames.Edge)]
    [InlineData("gateway")]
    [InlineData("ingest")]
    [InlineData(ServiceNames.Management)]
    [InlineData("verifier")]
    [InlineData("certificates")]
    public void A_service_with_names_or_clusters_in_memory_asks_PostgreSQL_for_them_by_itself(string service)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:tracking"] = _connection,
            ["Tracking:Edge:Folder"] = _folder.Path,
            ["Tracking:Gateway:ApiHosts:0"] = "api.example.org",
        });
        builder.AddServiceDefaults();
        _ = service switch
        {
            ServiceNames.Rewrite => builder.AddRewrite(),
            "milter" => builder.AddMilter(),
            "smtpfilter" => builder.AddSmtpFilter(),
            ServiceNames.Edge => builder.AddRedirectEdge(),
            "gateway" => builder.AddGateway(),
            "ingest" => builder.AddEventIngest(),
            ServiceNames.Management => builder.AddManagement(),
            "verifier" => builder.AddDomainVerifier(),
            "certificates" => builder.AddCertificates(),
            _ => throw new ArgumentOutOfRangeException(nameof(service)),
        };
        var hosted = builder.Services
            .Where(one => one.ServiceType == typeof(IHostedService))
            .Select(one => one.ImplementationType ?? one.ImplementationFactory!.GetType().GenericTypeArguments[1])
            .ToList();
        bool Has(Type type) => builder.Services.Any(one => one.ServiceType == type);

        Assert.True(
            Has(typeof(ClusterDirectory)) == hosted.Contains(typeof(RefreshDirectories)),
            $"{service} has clusters in memory and does not read them again");
        Assert.True(
            Has(typeof(TrackingHosts)) == hosted.Contains(typeof(RefreshTrackingHosts)),
            $"{service} has names in memory and does not read them again");
        Assert.NotEmpty(hosted);
    }

    [Theory]
    [InlineData(typeof(SystemOptions), nameof(SystemOptions.DirectoryRefresh))]
    [InlineData(typeof(TrackingHostsOptions), nameof(TrackingHostsOptions.UnknownAge))]
    [InlineData(typeof(TlsOptions), nameof(TlsOptions.RecheckAfter))]
    [InlineData(typeof(VerifierOptions), nameof(VerifierOptions.LookInterval))]
    [InlineData(typeof(CertificateOptions), nameof(CertificateOptions.LookInterval))]
    public void What_is_known_grows_no_older_than_60_seconds_whatever_is_set(Type options, string setting)
    {
        var property = options.GetProperty(setting)!;
        Assert.InRange((TimeSpan)property.GetValue(Activator.CreateInstance(options))!, TimeSpan.Zero, _longest);
        var range = property.GetCustomAttribute<RangeAttribute>()!;
        Assert.True(range.IsValid(_longest));
        Assert.False(range.IsValid(_longest + TimeSpan.FromTicks(1)));
    }

    private Task ChangeAsync(int cluster, string set) => SomeDomains.ChangeAsync(_database, cluster, Name, set);
}

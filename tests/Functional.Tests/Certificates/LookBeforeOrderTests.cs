using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Certificates;

/// <summary>Our own check of a name before an order: a name that would fail at the authority costs no attempt there.
/// The records are in a real name server, and a web server answers with faults on demand.</summary>
public sealed class LookBeforeOrderTests : IAsyncLifetime
{
    private const string Zone = "look.example";
    private const string Name = "track." + Zone;

    private readonly TestPostgres _server;
    private readonly TestKnot _dns;
    private readonly int _port;
    private readonly int _closed;
    private readonly WebApplication _web;
    private RequestDelegate _answer = RightAsync;

    public LookBeforeOrderTests(TestPostgres server)
    {
        _server = server;
        var ports = FreePort.Take(3);
        (_port, _closed) = (ports[0], ports[1]);
        _dns = new TestKnot(new IPEndPoint(IPAddress.Loopback, ports[2]));
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, _port));
        _web = builder.Build();
        _web.Run(context => _answer(context));
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await _web.StartAsync(Cancelled);

    public async ValueTask DisposeAsync()
    {
        await _web.DisposeAsync();
        await _dns.DisposeAsync();
    }

    public static TheoryData<string, string, string> Answers => new()
    {
        { "a redirect", "incorrect-response", "redirects challenges to https://www.look.example/away" },
        { "a redirect to itself", "incorrect-response", "redirects challenges to" },
        { "another body", "incorrect-response", "answers a challenge with something else" },
        { "5 MB", "incorrect-response", "answers a challenge with something else" },
        { "nothing", "incorrect-response", "with status 404" },
        { "a page with status 200", "incorrect-response", "something else" },
        { "silence", "connection", "cannot be reached" },
        { "a reset", "connection", "cannot be reached" },
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task The_obstacle_to_a_challenge_is_named_and_nothing_is_ordered(
        string what, string type, string detail)
    {
        _answer = context => WrongAsync(context, what);
        await StartDnsAsync("track A 127.0.0.1\n");

        await using var database = await IssuanceDatabase.CreateAsync(_server);
        await database.AddAsync(Name);
        await StartIssuer(database).LookAsync(Cancelled);

        Assert.Equal(type, await FailureAsync(database, "type"));
        Assert.Contains(detail, await FailureAsync(database, "detail"), StringComparison.Ordinal);
        Assert.NotEqual("", await FailureAsync(database, "advice"));
        Assert.Equal("1", await database.TextAsync("SELECT failures FROM certificates.names"));
        Assert.Equal(0, database.Authorities[0].Count("new-order"));
    }

    [Theory]
    [InlineData("track A 127.0.0.1\ntrack AAAA ::1\n", "[::1]:")]
    [InlineData("track A 127.0.0.1\ntrack A 127.0.0.77\n", "127.0.0.77:")]
    public async Task Each_address_of_the_name_has_to_answer(string records, string broken)
    {
        await StartDnsAsync(records);

        await using var database = await IssuanceDatabase.CreateAsync(_server);
        await database.AddAsync(Name);
        await StartIssuer(database).LookAsync(Cancelled);

        Assert.Equal("connection", await FailureAsync(database, "type"));
        Assert.Contains(broken, await FailureAsync(database, "detail"), StringComparison.Ordinal);
        Assert.Equal(0, database.Authorities[0].Count("new-order"));
    }

    [Fact]
    public async Task A_name_without_an_address_and_one_that_nobody_outside_reaches_are_told()
    {
        await StartDnsAsync("track TXT none\ninside A 10.1.2.3\n");
        await using var database = await IssuanceDatabase.CreateAsync(_server);
        await database.AddAsync(Name);

        await StartIssuer(database, isLaboratory: false).LookAsync(Cancelled);
        Assert.Contains("has no address", await FailureAsync(database, "detail"), StringComparison.Ordinal);

        await database.ExecuteAsync("DELETE FROM certificates.names");
        await database.ExecuteAsync("UPDATE domains.tracking_domains SET hostname = $1", "inside." + Zone);
        await StartIssuer(database, isLaboratory: false).LookAsync(Cancelled);
        Assert.Contains("is no public address", await FailureAsync(database, "detail"), StringComparison.Ordinal);
        Assert.Equal(0, database.Authorities[0].Count("new-order"));
    }

    [Theory]
    [InlineData("track A 127.0.0.1\n")]
    [InlineData("track CNAME target\ntarget A 127.0.0.1\n")]
    public async Task A_record_that_is_a_moment_old_does_not_wait_for_what_our_resolver_remembers(string record)
    {
        await using var database = await IssuanceDatabase.CreateAsync(_server);
        await LookAfterAbsenceAsync(database, record);

        Assert.Equal("", await database.TextAsync("SELECT coalesce(last_failure::text, '') FROM certificates.names"));
        Assert.Equal(1, database.Authorities[0].Certificates);
    }

    [Fact]
    public async Task A_CAA_record_behind_an_alias_that_is_a_moment_old_is_found()
    {
        await using var database = await IssuanceDatabase.CreateAsync(_server);
        await LookAfterAbsenceAsync(
            database, "track CNAME target\ntarget A 127.0.0.1\ntarget CAA 0 issue \"other.example\"\n");

        Assert.Equal("caa", await FailureAsync(database, "type"));
        Assert.Contains("other.example", await FailureAsync(database, "detail"), StringComparison.Ordinal);
        Assert.Equal(0, database.Authorities[0].Count("new-order"));
    }

    [Fact]
    public async Task A_CAA_record_for_others_costs_no_order_and_shows_the_line_to_add_for_each_authority()
    {
        await StartDnsAsync("track A 127.0.0.1\n@ CAA 0 issue \"other.example\"\n");
        await using var database = await IssuanceDatabase.CreateAsync(_server, authorities: 2);
        database.Authorities[1].CaaIdentity = "second.example";
        await database.AddAsync(Name);

        await StartIssuer(database).LookAsync(Cancelled);

        Assert.Equal("caa", await FailureAsync(database, "type"));
        Assert.Equal(
            $"The CAA records of {Zone} allow other certificate authorities only: 0 issue \"other.example\".",
            await FailureAsync(database, "detail"));
        Assert.Equal(
            $"Add one of the records {Zone}. CAA 0 issue \"authority.example\" or "
            + $"{Zone}. CAA 0 issue \"second.example\" beside those that are there; the other records stay.",
            await FailureAsync(database, "advice"));
        Assert.Equal((0, 0), (database.Authorities[0].Orders, database.Authorities[1].Orders));
    }

    [Theory]
    [InlineData("@ CAA 0 issue \"second.example\"\n", 0, 1)]
    [InlineData("@ CAA 0 issue \"authority.example\"\n@ CAA 0 issuewild \";\"\n", 1, 0)]
    [InlineData("@ CAA 0 issue \"authority.example; validationmethods=dns-01\"\n@ CAA 0 issue \"second.example\"\n", 0, 1)]
    [InlineData("@ CAA 0 issue \"other.example\"\ntrack CAA 0 issue \"authority.example\"\n", 1, 0)]
    [InlineData("@ CAA 0 iodef \"mailto:a@example.com\"\n", 1, 0)]
    public async Task The_first_authority_that_CAA_allows_issues(string records, int first, int second)
    {
        await StartDnsAsync("track A 127.0.0.1\n" + records);
        await using var database = await IssuanceDatabase.CreateAsync(_server, authorities: 2);
        database.Authorities[1].CaaIdentity = "second.example";
        await database.AddAsync(Name);

        await StartIssuer(database).LookAsync(Cancelled);

        Assert.Equal((first, second), (database.Authorities[0].Certificates, database.Authorities[1].Certificates));
    }

    // The resolver remembers that the name is absent when its records are published and the issuer looks again.
    private async Task LookAfterAbsenceAsync(IssuanceDatabase database, string records)
    {
        await StartDnsAsync("");
        await using var resolver = new TestUnbound()
            .Ask("example", _dns.EndPoint).Ask(Zone, _dns.EndPoint);
        await resolver.StartAsync(Cancelled);
        await database.AddAsync(Name);
        OneIssuer StartIssuerWithResolver() => StartIssuer(
            database,
            ("Tracking:Dns:Resolvers:0", resolver.EndPoint.ToString()),
            ("Tracking:Dns:NameServerPort", _dns.EndPoint.Port.ToString(CultureInfo.InvariantCulture)),
            ("Tracking:Dns:AllowPrivateAddresses", "true"));
        await StartIssuerWithResolver().LookAsync(Cancelled);
        Assert.Contains("has no address", await FailureAsync(database, "detail"), StringComparison.Ordinal);

        await _dns.ReplaceAsync(Zone, $"@ NS ns1\nns1 A {_dns.EndPoint.Address}\n{records}", Cancelled);
        await database.ExecuteAsync("DELETE FROM certificates.names");
        await StartIssuerWithResolver().LookAsync(Cancelled);
    }

    private static Task<string> FailureAsync(IssuanceDatabase database, string member) =>
        database.TextAsync($"SELECT last_failure->>'{member}' FROM certificates.names");

    private static Task RightAsync(HttpContext context) =>
        context.Response.WriteAsync(context.Request.Path.Value!.Split('/')[^1] + ".thumbprint", Cancelled);

    private static async Task WrongAsync(HttpContext context, string what)
    {
        switch (what)
        {
            case "a redirect":
                context.Response.Redirect($"https://www.{Zone}/away", permanent: true);
                break;
            case "a redirect to itself":
                context.Response.Redirect(context.Request.Path, permanent: true);
                break;
            case "another body":
                await context.Response.WriteAsync("no", Cancelled);
                break;
            case "5 MB":
                await context.Response.WriteAsync(new string('x', 5_000_000), context.RequestAborted);
                break;
            case "a page with status 200":
                context.Response.ContentType = "text/html";
                await context.Response.WriteAsync("<html><body>Not found</body></html>", Cancelled);
                break;
            case "silence":
                await Task.Delay(Timeout.Infinite, context.RequestAborted)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                break;
            case "a reset":
                context.Abort();
                break;
            default:
                context.Response.StatusCode = 404;
                break;
        }
    }

    private async Task StartDnsAsync(string records)
    {
        _dns.Add("example", $"@ NS ns1\nns1 A {_dns.EndPoint.Address}\n")
            .Add(Zone, $"@ NS ns1\nns1 A {_dns.EndPoint.Address}\n{records}");
        await _dns.StartAsync(Cancelled);
    }

    private OneIssuer StartIssuer(IssuanceDatabase database, bool isLaboratory = true) => StartIssuer(
        database,
        ("Tracking:Dns:Resolvers:0", _dns.EndPoint.ToString()),
        ("Tracking:Dns:AllowPrivateAddresses", isLaboratory ? "true" : "false"));

    private OneIssuer StartIssuer(IssuanceDatabase database, params (string, string)[] dns) => database.Start(settings:
    [
        ("Tracking:Certificates:CheckBeforeOrder", "true"),
        ("Tracking:Certificates:CheckTimeout", "00:00:03"),
        ("Tracking:Certificates:HttpPort", _port.ToString(CultureInfo.InvariantCulture)),
        ("Tracking:Certificates:TlsPort", _closed.ToString(CultureInfo.InvariantCulture)),
        ("Tracking:Dns:QueryTimeout", "00:00:10"),
        .. dns,
    ]);
}

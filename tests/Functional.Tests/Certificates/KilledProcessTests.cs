using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Npgsql;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Certificates;

/// <summary>The certificate service as a real process, killed (SIGKILL) around each step of an order with pebble: the
/// next process ends with one certificate, and at most one order more.</summary>
public sealed class KilledProcessTests(TestPostgres server)
{
    private const string Zone = "kill.example";
    private const string Name = "track." + Zone;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("order-plz", false)]
    [InlineData("order-plz", true)]
    [InlineData("authZ", true)]
    [InlineData("chalZ", false)]
    [InlineData("chalZ", true)]
    [InlineData("my-order", true)]
    [InlineData("finalize-order", false)]
    [InlineData("finalize-order", true)]
    [InlineData("certZ", false)]
    [InlineData("certZ", true)]
    public async Task A_killed_process_leaves_one_certificate_and_at_most_one_order_more(
        string resource, bool isAnswered)
    {
        using var folder = new TemporaryFolder();
        var connectionString = await server.CreateDatabaseAsync(Cancelled);
        await using var database = NpgsqlDataSource.Create(connectionString);
        var ports = FreePort.Take(2);
        await using var dns = new TestKnot(new IPEndPoint(IPAddress.Loopback, ports[0]));
        dns.Add(Zone, "@ NS ns1\nns1 A 127.0.0.1\ntrack A 127.0.0.1\n");
        await dns.StartAsync(Cancelled);
        await using var gateway = await AnswerChallengesAsync(database, ports[1]);
        await using var pebble = await PebbleBehindProxy.StartAsync(
            new TestPebble { Looks = (ports[1], ports[1], dns.EndPoint) }, Cancelled);
        await File.WriteAllTextAsync(folder.In("roots.pem"), pebble.RootPem, Cancelled);
        await ExecuteAsync(
            database,
            $"""
            INSERT INTO domains.tracking_domains (id, cluster_id, hostname, target, status)
            VALUES (gen_random_uuid(), 1, '{Name}', 'target', 1)
            """);
        using var process = new ServiceProcess(
            "Certificates", "certificates", folder.Path, new Dictionary<string, string>
            {
                ["ConnectionStrings__tracking"] = ServiceLogins.Of(connectionString, "certificates"),
                ["Tracking__MasterKey"] = Convert.ToBase64String(new byte[MasterKey.Size]),
                ["Tracking__Certificates__Authorities__0__Directory"] = pebble.Directory,
                ["Tracking__Certificates__Authorities__0__RootCertificates"] = folder.In("roots.pem"),
                ["Tracking__Certificates__AcceptTermsOfService"] = "true",
                ["Tracking__Certificates__HttpPort"] = ports[1].ToString(CultureInfo.InvariantCulture),
                ["Tracking__Dns__Resolvers__0"] = dns.EndPoint.ToString(),
                ["Tracking__Dns__AllowPrivateAddresses"] = "true",
            });
        var killed = 0;
        void KillOnce(string asked)
        {
            if (asked == resource && Interlocked.Exchange(ref killed, 1) == 0)
            {
                process.Kill();
            }
        }

        pebble.Before = isAnswered ? null : KillOnce;
        pebble.After = isAnswered ? KillOnce : null;
        await process.LaunchAsync();
        await Eventually.HoldsAsync(
            () => Volatile.Read(ref killed) == 1 && !process.IsRunning, $"it was killed at {resource}", Cancelled,
            TimeSpan.FromMinutes(2));

        // The lease ends, and another process continues.
        await ExecuteAsync(database, "UPDATE certificates.names SET leased_until = now() - interval '1 s'");
        await process.LaunchAsync();
        try
        {
            await Eventually.HoldsAsync(
                async () => await CountAsync(database, "certificates.names WHERE certificate_id IS NOT NULL") == 1,
                "the name has its certificate", Cancelled, TimeSpan.FromMinutes(2));
        }
        catch (TimeoutException slow)
        {
            throw new TimeoutException($"{slow.Message}\n{process.Output}", slow);
        }

        await process.StopAsync(Cancelled);
        Assert.Equal(1, await CountAsync(database, "certificates.issued"));
        Assert.Equal(1, await CountAsync(database, "domains.tracking_domains WHERE certificate_until > now()"));
        Assert.InRange(pebble.Answers.Count(answer => answer is ("order-plz", 201)), 1, 2);
        Assert.Equal(1, pebble.Answers.Count(answer => answer is ("finalize-order", 200)));
        Assert.Equal(1, pebble.Answers.Count(answer => answer is ("sign-me-up", 201)));
    }

    // The server answers any token with the account's thumbprint, as a gateway does.
    private static async Task<WebApplication> AnswerChallengesAsync(NpgsqlDataSource database, int port)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port));
        var web = builder.Build();
        web.Run(async context =>
        {
            await using var command = database.CreateCommand("SELECT thumbprint FROM certificates.accounts");
            var thumbprint = (string?)await command.ExecuteScalarAsync(context.RequestAborted);
            await context.Response.WriteAsync($"{context.Request.Path.Value!.Split('/')[^1]}.{thumbprint}");
        });
        await web.StartAsync(Cancelled);
        return web;
    }

    private static async Task ExecuteAsync(NpgsqlDataSource database, string sql)
    {
        await using var command = database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Cancelled);
    }

    private static async Task<long> CountAsync(NpgsqlDataSource database, string what)
    {
        await using var command = database.CreateCommand($"SELECT count(*) FROM {what}");
        return (long)(await command.ExecuteScalarAsync(Cancelled))!;
    }
}

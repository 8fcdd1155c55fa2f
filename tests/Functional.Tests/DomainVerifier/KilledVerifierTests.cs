using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.DomainVerifier;

/// <summary>Two verifiers as real processes that are killed (SIGKILL) in turn while they check many names, with one
/// database and a real name server.</summary>
public sealed class KilledVerifierTests(TestPostgres server, ITestOutputHelper log)
{
    private const string Zone = "shop.example";
    private const int Names = 60;
    private const int Clusters = 3;
    private const int MostKills = 8;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_name_is_checked_and_each_effect_happens_once()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        database.Time.MoveTo(TimeProvider.System.GetUtcNow());
        var records = await AddNamesAsync(database);
        var port = FreePort.Take(1)[0];
        await using var knot = new TestKnot(new IPEndPoint(IPAddress.Parse("127.0.0.11"), port));
        knot.Add("test.net", "@ NS ns1\nns1 A 127.0.0.11\n*.track A 127.0.0.1\n")
            .Add(Zone, "@ NS ns1\n@ NS ns2\nns1 A 127.0.0.11\nns2 A 127.0.0.12\n" + records);
        await knot.StartAsync(Cancelled);

        // The zone's other name server never answers, so every check takes some time, and a kill hits some of them.
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        silent.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.12"), port));
        using var folder = new TemporaryFolder();
        using var first = Verifier(database, knot.EndPoint, folder);
        using var second = Verifier(database, knot.EndPoint, folder);
        await Task.WhenAll(first.LaunchAsync(), second.LaunchAsync());

        var (kills, interrupted) = (0, 0L);
        for (; kills < MostKills && await DecidedAsync(database) < Names; kills++)
        {
            var victim = kills % 2 == 0 ? first : second;
            var until = Math.Min(Names, await DecidedAsync(database) + Random.Shared.Next(1, 6));
            await UntilDecidedAsync(database, until, first, second);
            victim.Kill();
            interrupted += await database.ScalarAsync<long>(
                "SELECT count(*) FROM domains.tracking_domains WHERE leased_until > now()");
            await victim.LaunchAsync();
        }

        await UntilDecidedAsync(database, Names, first, second);
        log.WriteLine($"{kills} kills, {interrupted} names leased at them");
        Assert.NotEqual(0, interrupted);

        // The processes stop, so that nothing changes any more.
        await Task.WhenAll(first.StopAsync(Cancelled), second.StopAsync(Cancelled));

        // A stored check ends its lease, and the next check is at least a minute later. So a second check would belong
        // to the same lease. A check without evidence changes nothing and is repeated.
        Assert.Equal((long)Names, await database.ScalarAsync<long>(
            "SELECT count(*) FROM domains.checks WHERE outcome <> 2"));
        Assert.Empty(await database.ListAsync(
            """
            SELECT concat_ws(' ', d.hostname, d.status, d.strikes, c.outcome, c.effect)
            FROM domains.tracking_domains d JOIN domains.checks c ON c.domain_id = d.id AND c.outcome <> 2
            WHERE (d.status, d.strikes, c.outcome, c.effect) <> CASE
                WHEN d.hostname LIKE 'broken%' THEN (1::smallint, 1::smallint, 1::smallint, 2::smallint)
                ELSE (1::smallint, 0::smallint, 0::smallint, 1::smallint) END
            """));
        Assert.Equal(
            Enumerable.Range(0, Names).Select(number => $"{HostOf(number)} {(IsBroken(number) ? 0 : 2)}")
                .Order(StringComparer.Ordinal),
            (await database.ListAsync("SELECT concat_ws(' ', hostname, kind) FROM domains.notices"))
                .Order(StringComparer.Ordinal));
        Assert.Equal(
            Enumerable.Repeat("1", Clusters),
            await database.ListAsync(
                """
                SELECT count(*) FILTER (WHERE is_default)::text FROM domains.tracking_domains GROUP BY cluster_id
                """));
        Assert.Equal(0L, await database.ScalarAsync<long>(
            "SELECT count(*) FROM domains.tracking_domains WHERE leased_by IS NOT NULL"));
    }

    private static bool IsBroken(int number) => number % 2 == 0;

    private static string HostOf(int number) =>
        string.Create(CultureInfo.InvariantCulture, $"{(IsBroken(number) ? "broken" : "right")}{number}.{Zone}");

    // The broken names are active, and lead to another target. The others are new, and each wants to be the default of
    // its cluster.
    private static async Task<string> AddNamesAsync(VerifierDatabase database)
    {
        var clusters = new List<ClusterId>();
        for (var i = 0; i < Clusters; i++)
        {
            clusters.Add(await database.AddClusterAsync());
        }

        var records = new List<string>();
        for (var number = 0; number < Names; number++)
        {
            var host = HostOf(number);
            var id = await database.AddDomainAsync(
                clusters[number % Clusters], host, wantsDefault: !IsBroken(number));
            var target = VerifierDatabase.TargetOf(IsBroken(number) ? Guid.NewGuid() : id);
            records.Add($"{host}. CNAME {target}.\n");
        }

        await database.ExecuteAsync(
            """
            UPDATE domains.tracking_domains SET status = 1, verified_at = created_at WHERE hostname LIKE 'broken%'
            """);
        return string.Concat(records);
    }

    private static ServiceProcess Verifier(VerifierDatabase database, IPEndPoint dns, TemporaryFolder folder) =>
        new("DomainVerifier", "verifier", folder.Path, new Dictionary<string, string>
        {
            ["ConnectionStrings__tracking"] = database.ServiceConnectionString,
            ["Tracking__Dns__Resolvers__0"] = dns.ToString(),
            ["Tracking__Dns__NameServerPort"] = dns.Port.ToString(CultureInfo.InvariantCulture),
            ["Tracking__Dns__AllowPrivateAddresses"] = "true",
            ["Tracking__Dns__QueryTimeout"] = "00:00:00.700",
            ["Tracking__Dns__SendAgainAfter"] = "00:00:00.300",
            ["Tracking__Verifier__ChecksAtOnce"] = "3",
            ["Tracking__Verifier__Lease"] = "00:00:10",
            ["Tracking__Verifier__LongestCheck"] = "00:00:05",
            ["Tracking__Verifier__FirstRetry"] = "00:00:01",
            ["Tracking__Verifier__LongestRetry"] = "00:00:02",
            ["Tracking__Verifier__ParentTimeout"] = "00:00:00",
            ["Tracking__Verifier__VisitTimeout"] = "00:00:00",
        });

    private static Task<long> DecidedAsync(VerifierDatabase database) => database.ScalarAsync<long>(
        "SELECT count(DISTINCT domain_id) FROM domains.checks WHERE outcome <> 2");

    private static async Task UntilDecidedAsync(
        VerifierDatabase database, long names, params ServiceProcess[] verifiers)
    {
        try
        {
            await Eventually.HoldsAsync(
                async () => verifiers.All(verifier => verifier.IsRunning)
                    ? await DecidedAsync(database) >= names
                    : throw new InvalidOperationException("A verifier ended by itself."),
                $"{names} names are checked", Cancelled);
        }
        catch (Exception exception) when (exception is TimeoutException or InvalidOperationException)
        {
            throw new InvalidOperationException(
                string.Join('\n', verifiers.Select(verifier => verifier.Output).Prepend(exception.Message)), exception);
        }
    }
}

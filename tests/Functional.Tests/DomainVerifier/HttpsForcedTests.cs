using Tracking.Database.Entities;
using Tracking.Servers;

namespace Tracking.Functional.Tests.DomainVerifier;

/// <summary>The notice that browsers refuse the http links of mail that is out, in every order of what leads to
/// it.</summary>
public sealed class HttpsForcedTests(TestPostgres server)
{
    private const string Host = "track.shop.example.com";

    // A step after which the notice is there has an exclamation mark.
    [Theory]
    [InlineData("optional check force check! check")]
    [InlineData("optional check required force check! check")]
    [InlineData("optional check force required check! check")]
    [InlineData("check optional force check! check")]
    [InlineData("check optional required force check! check")]
    [InlineData("optional check retire force check!")]
    [InlineData("optional check force check! release check optional force check! check")]
    [InlineData("optional check force check! release check force check")]
    [InlineData("optional check lose force find! check")]
    [InlineData("optional check required lose force find! check")]
    [InlineData("optional check certificate force check check")]
    [InlineData("optional check certificate force check expire check! check")]
    [InlineData("optional check certificate required force check expire check! check")]
    [InlineData("optional check force lose")]
    [InlineData("check force check")]
    [InlineData("check required force check optional-is-refused check")]
    [InlineData("optional force check check")]
    [InlineData("optional required check force check")]
    [InlineData("optional certificate check force check expire check")]
    [InlineData("certificate check optional force check expire check")]
    public async Task A_cluster_is_told_once_when_https_is_demanded_and_its_http_links_fail(string steps)
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var verifier = await database.StartAsync();
        var id = await database.AddDomainAsync(await database.AddClusterAsync(), Host);
        database.Dns[Host] = VerifierDatabase.TargetOf(id);
        var told = 0;
        foreach (var step in steps.Split(' '))
        {
            await StepAsync(database, verifier, id, step.TrimEnd('!'));
            told += step.EndsWith('!') ? 1 : 0;
            var notices = (await database.NoticesAsync())
                .Count(notice => notice == $"{Host} {(int)NoticeKind.HttpsForced}");
            Assert.True(told == notices, $"{notices} notices after \"{step}\" of \"{steps}\"");
        }
    }

    [Fact]
    public async Task Nobody_is_told_where_something_in_front_has_the_certificates()
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        database.System.TlsEndsInFront = true;
        var verifier = await database.StartAsync();
        var id = await database.AddDomainAsync(await database.AddClusterAsync(), Host);
        database.Dns[Host] = VerifierDatabase.TargetOf(id);
        foreach (var step in new[] { "optional", "check", "force", "check" })
        {
            await StepAsync(database, verifier, id, step);
        }

        Assert.Equal(0, await database.ScalarAsync<short>("SELECT https FROM domains.tracking_domains"));
        Assert.Equal([$"{Host} {(int)NoticeKind.Recovered}"], await database.NoticesAsync());
    }

    private static async Task StepAsync(VerifierDatabase database, OneVerifier verifier, Guid id, string step)
    {
        switch (step)
        {
            case "optional" or "required":
                await SetAsync(database, $"https = {(step == "optional" ? 1 : 0)}");
                break;
            case "retire":
                await SetAsync(database, "is_retired = true");
                break;
            case "certificate":
                await SetAsync(database, "certificate_until = '2100-01-01'");
                break;
            case "expire":
                await SetAsync(database, "certificate_until = '2026-01-01'");
                break;
            case "force":
                database.TransportSecurity["example.com"] = "max-age=31536000; includeSubDomains";
                break;
            case "release":
                database.TransportSecurity.Clear();
                break;
            case "lose":
                database.Dns.TryRemove(Host, out _);
                await CheckAsync(database, verifier, id);
                await CheckAsync(database, verifier, id);
                Assert.Equal(DomainStatus.Pending, (await database.ReadAsync(id)).Status);
                break;
            case "find":
                database.Dns[Host] = VerifierDatabase.TargetOf(id);
                await CheckAsync(database, verifier, id);
                Assert.Equal(DomainStatus.Active, (await database.ReadAsync(id)).Status);
                break;
            case "check":
                await CheckAsync(database, verifier, id);
                break;
            case "optional-is-refused":
                // The API refuses it while the last check has the finding.
                Assert.Contains(
                    "https-forced-by-parent", (await database.ReadAsync(id)).LastCheck!, StringComparison.Ordinal);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(step), step, null);
        }
    }

    private static async Task CheckAsync(VerifierDatabase database, OneVerifier verifier, Guid id)
    {
        database.Time.MoveTo((await database.ReadAsync(id)).NextCheckAt!.Value);
        Assert.Equal(1, await verifier.CheckDueAsync());
    }

    private static Task SetAsync(VerifierDatabase database, string set) =>
        database.ExecuteAsync($"UPDATE domains.tracking_domains SET {set}");
}

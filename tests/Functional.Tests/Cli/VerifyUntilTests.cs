using Tracking.Functional.Tests.Management;
using Tracking.Functional.Tests.Management.Domains;

namespace Tracking.Functional.Tests.Cli;

/// <summary><c>trackctl domains verify --wait</c>.</summary>
[Collection(nameof(ManagementCollection))]
public sealed class VerifyUntilTests(ManagementHost host)
{
    private const string Diagnosis =
        """
        {"outcome":"contradicted","findings":[{"code":"other-target","severity":"error",
         "text":"The record leads elsewhere.","nextStep":"Change its value."}],"hops":[]}
        """;

    [Fact]
    public async Task A_verification_that_waits_asks_again_until_the_name_is_verified()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = (string)(await domains.AddAsync())["hostname"]!;
        var asks = 0;
        host.Verifier.Verifications[name] = async _ =>
        {
            if (Interlocked.Increment(ref asks) > 1)
            {
                await domains.ActivateAsync(name);
            }

            await domains.AskedLongAgoAsync(name);
            await domains.StoreCheckAsync(name, Diagnosis);
        };

        var verified = await RunAsync(
            "domains", "verify", name, "--cluster", domains.Cluster, "--wait", "10m", "--every", "1s");

        Assert.True(verified.Code == 0, verified.Error);
        Assert.Equal(2, asks);
        Assert.Contains("Status:       active since", verified.Output, StringComparison.Ordinal);
        Assert.Equal("The record leads elsewhere. Change its value. Asked again in 1 s.", verified.Error.TrimEnd());
    }

    [Fact]
    public async Task A_verification_that_waits_ends_with_3_and_what_DNS_said_when_its_time_runs_out()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = (string)(await domains.AddAsync())["hostname"]!;
        var asks = 0;
        host.Verifier.Verifications[name] = async _ =>
        {
            Interlocked.Increment(ref asks);
            await domains.AskedLongAgoAsync(name);
            await domains.StoreCheckAsync(name, Diagnosis);
        };
        string[] verify = ["domains", "verify", name, "--cluster", domains.Cluster];

        var not = await RunAsync([.. verify, "--wait", "3s", "--every", "1s"]);
        Assert.Equal(3, not.Code);
        Assert.InRange(asks, 1, 3);
        Assert.Contains("Error: The record leads elsewhere.", not.Output, StringComparison.Ordinal);
        Assert.Contains("  Name   track", not.Output, StringComparison.Ordinal);

        // A pause that would end too late is not begun.
        asks = 0;
        Assert.Equal(3, (await RunAsync([.. verify, "--wait", "1h", "--every", "2h"])).Code);
        Assert.Equal(1, asks);

        Assert.Equal(2, (await RunAsync([.. verify, "--wait", "--every", "soon"])).Code);
        Assert.Equal(2, (await RunAsync([.. verify, "--wait", "--every", "0.5s"])).Code);
    }

    [Fact]
    public async Task A_verification_that_waits_pauses_as_long_as_the_server_asks()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = (string)(await domains.AddAsync())["hostname"]!;
        await host.ExecuteAsync(
            "UPDATE domains.tracking_domains SET check_requested_at = now() + interval '2 hours' WHERE hostname = $1",
            name);
        string[] verify = ["domains", "verify", name, "--cluster", domains.Cluster, "--every", "1s"];

        var late = await RunAsync([.. verify, "--wait", "1h"]);
        Assert.Equal(69, late.Code);
        Assert.DoesNotContain("Asked again", late.Error, StringComparison.Ordinal);

        using var trackctl = Trackctl.Start(host.Url, host.AdminKey, [.. verify, "--wait", "3h"]);
        await trackctl.ErrorAsync("Asked again in ");
        await trackctl.InterruptAsync();
        var interrupted = await trackctl.EndAsync();
        Assert.Matches(@"Asked again in 7[12]\d\d s\.", interrupted.Error);
        Assert.Equal(3, interrupted.Code);
    }

    private Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments) =>
        Trackctl.RunAsync(host.Url, host.AdminKey, arguments);
}

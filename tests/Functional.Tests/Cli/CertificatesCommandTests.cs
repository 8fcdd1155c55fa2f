using System.Text.Json.Nodes;
using Tracking.Functional.Tests.Management;
using Tracking.Functional.Tests.Management.Domains;

namespace Tracking.Functional.Tests.Cli;

[Collection(nameof(ManagementCollection))]
public sealed class CertificatesCommandTests(ManagementHost host)
{
    [Fact]
    public async Task The_status_shows_the_authoritys_words_and_a_retry_does_not_wait()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = await domains.AddActiveAsync(hasCertificate: false);
        await host.ExecuteAsync(
            """
            INSERT INTO certificates.names (hostname, cluster_id, due_at, failures, last_failure, last_failed_at)
            SELECT hostname, cluster_id, now() + interval '1 hour', 3, '{"type":"caa","detail":"CAA forbids it"}', now()
            FROM domains.tracking_domains WHERE hostname = $1
            """,
            name);
        await host.ExecuteAsync(
            """
            INSERT INTO certificates.attempts (id, hostname, cluster_id, at, directory, step, succeeded, problem,
                next_at)
            SELECT gen_random_uuid(), hostname, cluster_id, now(), 'https://authority.example/directory', 1, false,
                last_failure, due_at
            FROM certificates.names WHERE hostname = $1
            """,
            name);

        var failed = await RunAsync("certificates", "status", name, "--cluster", domains.Cluster);
        Assert.Equal(3, failed.Code);
        Assert.Contains("Certificate:   not there: CAA forbids it", failed.Output, StringComparison.Ordinal);
        Assert.Matches("authority.example +order +failed", failed.Output);
        var json = await RunAsync("certificates", "status", name, "--cluster", domains.Cluster, "--json");
        Assert.Equal("failed", (string)JsonNode.Parse(json.Output)!["tls"]!["status"]!);

        var retried = await RunAsync("certificates", "retry", name, "--cluster", domains.Cluster);
        Assert.Equal(0, retried.Code);
        Assert.Contains("Next attempt:", retried.Output, StringComparison.Ordinal);

        var unknown = await RunAsync("certificates", "retry", DomainClient.NewName(), "--cluster", domains.Cluster);
        Assert.Equal(3, unknown.Code);

        await domains.ActivateAsync(name);
        Assert.Equal(0, (await RunAsync("certificates", "status", name, "--cluster", domains.Cluster)).Code);
    }

    [Fact]
    public async Task Own_hosts_are_listed_shown_and_retried()
    {
        var own = $"console-{Guid.NewGuid():N}.example";
        await host.ExecuteAsync(
            """
            INSERT INTO certificates.names (hostname, cluster_id, due_at, failures, last_failure, last_failed_at)
            VALUES ($1, NULL, now() + interval '1 hour', 3, '{"type":"caa","detail":"CAA forbids it"}', now())
            """,
            own);

        var listed = await RunAsync("certificates", "own-hosts");
        Assert.Equal(3, listed.Code);
        Assert.Contains($"{own}  not there: CAA forbids it", listed.Output, StringComparison.Ordinal);
        var json = await RunAsync("certificates", "own-hosts", "--json");
        Assert.True((bool)JsonNode.Parse(json.Output)!["items"]![0]!["isSystemHost"]!);

        var shown = await RunAsync("certificates", "own-hosts", own);
        Assert.Equal(3, shown.Code);
        Assert.Contains("Last failure:  CAA forbids it", shown.Output, StringComparison.Ordinal);
        var retried = await RunAsync("certificates", "own-hosts", own, "--retry");
        Assert.Equal(0, retried.Code);
        Assert.Contains("Next attempt:", retried.Output, StringComparison.Ordinal);
        Assert.Equal(2, (await RunAsync("certificates", "own-hosts", "--retry")).Code);
        Assert.Equal(3, (await RunAsync("certificates", "own-hosts", "other.example")).Code);
    }

    [Fact]
    public async Task A_test_prints_each_step_and_what_to_do_and_ends_as_it_ends()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = await domains.AddActiveAsync(hasCertificate: false);
        string[] test = ["certificates", "test", name, "--cluster", domains.Cluster];

        var begun = await RunAsync([.. test, "--timeout", "0"]);
        Assert.Equal(0, begun.Code);
        Assert.Contains("It has not ended yet", begun.Output, StringComparison.Ordinal);

        // The row as the service stores it, while the command waits.
        await host.ExecuteAsync("UPDATE certificates.requests SET asked_at = now() - interval '1 h' WHERE hostname = $1", name);
        var waiting = RunAsync(test);
        await Servers.Eventually.HoldsAsync(
            async () =>
            {
                await using var command = host.DataSource.CreateCommand(
                    """
                    UPDATE certificates.requests SET done_at = now(), succeeded = false,
                        steps = '[{"step":"look","succeeded":true,"text":"fine"},{"step":"caa","succeeded":false,
                            "authority":"https://authority.example/directory","text":"forbidden","advice":"Add this."}]'
                    WHERE hostname = $1 AND asked_at > now() - interval '50 min'
                    """);
                command.Parameters.Add(new() { Value = name });
                return await command.ExecuteNonQueryAsync() == 1;
            },
            "the request is there", TestContext.Current.CancellationToken);
        var (code, output, _) = await waiting;

        Assert.Equal(3, code);
        Assert.Equal(
            ["right  look: fine", "WRONG  caa (authority.example): forbidden", "       Add this."],
            output.TrimEnd().Split('\n'));
        var reason = await RunAsync("certificates", "revoke", name, "--cluster", domains.Cluster);
        Assert.Equal(2, reason.Code);
        var none = await RunAsync(
            "certificates", "revoke", name, "--cluster", domains.Cluster, "--reason", "superseded");
        Assert.Equal(3, none.Code);
        Assert.Equal(0, (await RunAsync("certificates", "accounts")).Code);
    }

    [Theory]
    [InlineData("test {name} --cluster {cluster}", "certificates.requests WHERE hostname = $1")]
    [InlineData("register", "certificates.requests WHERE hostname IS NULL AND $1 <> ''")]
    public async Task A_command_that_is_interrupted_while_it_waits_does_not_end_as_if_it_had_succeeded(
        string command, string request)
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = await domains.AddActiveAsync(hasCertificate: false);
        await host.ExecuteAsync("DELETE FROM certificates.requests");
        string[] words = [.. command.Split(' ').Select(word => word switch
        {
            "{name}" => name,
            "{cluster}" => domains.Cluster,
            _ => word,
        })];
        using var trackctl = Trackctl.Start(host.Url, host.AdminKey, ["certificates", .. words, "--timeout", "3600"]);
        await Servers.Eventually.HoldsAsync(
            async () =>
            {
                await using var asked = host.DataSource.CreateCommand($"SELECT count(*) FROM {request}");
                asked.Parameters.Add(new() { Value = name });
                return (long)(await asked.ExecuteScalarAsync())! > 0;
            },
            "the request is there", TestContext.Current.CancellationToken);

        await trackctl.InterruptAsync();

        var (code, output, error) = await trackctl.EndAsync();
        Assert.Equal((3, "", ""), (code, output, error));

        // Only one registration may be under way, and no service carries it out here.
        await host.ExecuteAsync("DELETE FROM certificates.requests");
    }

    private Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments) =>
        Trackctl.RunAsync(host.Url, host.AdminKey, arguments);
}

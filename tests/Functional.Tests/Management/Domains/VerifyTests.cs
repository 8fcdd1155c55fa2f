using System.Net;
using System.Text.Json.Nodes;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Management.Domains;

[Collection(nameof(ManagementCollection))]
public sealed class VerifyTests(ManagementHost host, TestPostgres postgres, TestRabbit rabbit)
{
    private const string NoRecord =
        """
        {"outcome":"contradicted","findings":[{"code":"no-record","severity":"error","text":"There is no record.",
         "nextStep":"Make the CNAME record."}],"hops":[]}
        """;

    [Fact]
    public async Task A_name_whose_record_is_right_is_answered_as_active()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = (string)(await domains.AddAsync())["hostname"]!;
        host.Verifier.Verifications[name] = async asked =>
        {
            Assert.Equal(name, asked.Hostname);
            await domains.ActivateAsync(name);
            await CheckedAsync(name, """{"outcome":"verified","findings":[]}""");
        };

        using var response = await domains.VerifyAsync(name);

        var domain = await Expect.OkAsync(response);
        Assert.Equal("active", (string)domain["status"]!);
        Assert.Equal("verified", (string)domain["lastCheck"]!["outcome"]!);
        Assert.NotNull(domain["lastCheckedAt"]);
    }

    [Fact]
    public async Task A_name_whose_record_is_not_right_is_a_problem_that_says_what_DNS_said_and_what_to_do()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = (string)(await domains.AddAsync())["hostname"]!;
        host.Verifier.Verifications[name] = _ => CheckedAsync(name, NoRecord);

        using var response = await domains.VerifyAsync(name);

        var problem = await Expect.ProblemAsync(
            response, HttpStatusCode.Conflict, "domain-not-verified", "There is no record. Make the CNAME record.");
        Assert.Equal("no-record", (string)problem["diagnosis"]!["findings"]![0]!["code"]!);
        Assert.Equal("pending", (string)problem["domain"]!["status"]!);
    }

    [Fact]
    public async Task The_row_says_that_somebody_asks_so_that_a_lost_message_does_no_harm()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = (string)(await domains.AddAsync())["hostname"]!;
        await host.ExecuteAsync(
            "UPDATE domains.tracking_domains SET next_check_at = NULL WHERE hostname = $1", name);

        var answer = domains.VerifyAsync(name);

        // A verifier finds the due name without a message.
        await Eventually.HoldsAsync(
            async () => await CountAsync("next_check_at <= now() AND check_requested_at <= now()", name) == 1,
            "it is due",
            TestContext.Current.CancellationToken);
        await CheckedAsync(name, NoRecord);
        using var response = await answer;
        await Expect.ProblemAsync(response, HttpStatusCode.Conflict, "domain-not-verified");
    }

    [Fact]
    public async Task A_check_that_began_before_it_was_asked_for_is_no_answer()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = (string)(await domains.AddAsync())["hostname"]!;
        await CheckedAsync(name, """{"n":1}""");
        host.Verifier.Verifications[name] = _ => CheckedAsync(name, """{"n":2}""");

        using var response = await domains.VerifyAsync(name);

        var problem = await Expect.ProblemAsync(response, HttpStatusCode.Conflict, "domain-not-verified", name);
        Assert.Equal(2, (int)problem["diagnosis"]!["n"]!);
    }

    [Fact]
    public async Task One_name_is_verified_every_few_seconds_and_no_more()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = (string)(await domains.AddAsync())["hostname"]!;
        await host.ExecuteAsync(
            "UPDATE domains.tracking_domains SET check_requested_at = now() + interval '1 day' WHERE hostname = $1",
            name);

        using var response = await domains.VerifyAsync(name);

        await Expect.ProblemAsync(response, HttpStatusCode.TooManyRequests, "too-many-requests", "5 s");
        Assert.NotNull(response.Headers.RetryAfter);
    }

    [Fact]
    public async Task A_name_that_is_deleted_meanwhile_is_answered_as_gone()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = (string)(await domains.AddAsync())["hostname"]!;
        host.Verifier.Verifications[name] = async _ => (await domains.DeleteAsync(name)).Dispose();

        using var response = await domains.VerifyAsync(name);

        await Expect.ProblemAsync(response, HttpStatusCode.NotFound, "not-found", name);
    }

    [Fact]
    public async Task Without_a_verifier_it_may_be_tried_again_and_a_tenant_has_so_many_waiting()
    {
        await using var alone = new ManagementHost(postgres)
        {
            Settings = new()
            {
                ["Tracking:Management:LongestVerification"] = "00:00:00.300",
                ["Tracking:Management:ConcurrentVerifications"] = "1",
                ["Tracking:Management:ConcurrentNameChecks"] = "1",
            },
        };
        await alone.InitializeAsync();
        using var domains = await DomainClient.CreateAsync(alone);
        var name = (string)(await domains.AddAsync())["hostname"]!;

        using var response = await domains.VerifyAsync(name);
        await Expect.ProblemAsync(response, HttpStatusCode.ServiceUnavailable, "unavailable", "verifier");
        Assert.NotNull(response.Headers.RetryAfter);

        using var check = await domains.CheckAsync(new { hostname = DomainClient.NewName() });
        await Expect.ProblemAsync(check, HttpStatusCode.ServiceUnavailable, "unavailable", "verifier");

        // No verifier answers, so the permitted waits stay in use and further requests are refused.
        var added = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => domains.AddAsync()));
        var answers = await Task.WhenAll(added.Select(domain => domains.VerifyAsync((string)domain["hostname"]!)));
        Assert.Contains(answers, answer => answer.StatusCode == HttpStatusCode.TooManyRequests);
        Assert.Contains(answers, answer => answer.StatusCode == HttpStatusCode.ServiceUnavailable);
        Array.ForEach(answers, answer => answer.Dispose());
        answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(
            _ => domains.CheckAsync(new { hostname = DomainClient.NewName() })));
        Assert.Contains(answers, answer => answer.StatusCode == HttpStatusCode.TooManyRequests);
        Assert.Contains(answers, answer => answer.StatusCode == HttpStatusCode.ServiceUnavailable);
        Array.ForEach(answers, answer => answer.Dispose());
    }

    [Fact]
    public async Task A_name_is_checked_without_being_added()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = DomainClient.NewName();
        host.Verifier.Diagnoses[name] = NoRecord;

        using var response = await domains.CheckAsync(new { hostname = name.ToUpperInvariant() + "." });

        var answer = await Expect.OkAsync(response);
        Assert.True((bool)answer["accepted"]!);
        Assert.Equal(name, (string)answer["hostname"]!);
        Assert.Equal("no-record", (string)answer["diagnosis"]!["findings"]![0]!["code"]!);
        Assert.Equal(0L, await CountAsync("true", name));
    }

    [Fact]
    public async Task A_checked_name_is_answered_with_whether_a_parent_demands_https()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var (forced, free) = (DomainClient.NewName(), DomainClient.NewName());
        host.Verifier.Diagnoses[forced] = NoRecord.Replace(
            "\"findings\":[", "\"findings\":[{\"code\":\"https-forced-by-parent\"},", StringComparison.Ordinal);
        host.Verifier.Diagnoses[free] = NoRecord;

        foreach (var name in new[] { forced, free })
        {
            using var response = await domains.CheckAsync(new { hostname = name });
            Assert.Equal(name == forced, (bool)(await Expect.OkAsync(response))["httpsForced"]!);
        }

        using var refused = await domains.CheckAsync(new { hostname = "example.com" });
        var answer = await Expect.OkAsync(refused);
        Assert.True(answer.ContainsKey("httpsForced"));
        Assert.Null(answer["httpsForced"]);
    }

    [Fact]
    public async Task A_checked_name_is_answered_with_who_may_issue_its_certificate()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var (restricted, free, silent) = (DomainClient.NewName(), DomainClient.NewName(), DomainClient.NewName());
        var parent = restricted["track.".Length..];
        host.Verifier.Caa[restricted] = (["0 issue \"letsencrypt.org\"", "0 issue \"pki.goog\""], parent);
        host.Verifier.Caa[free] = ([], null);

        var answer = await CheckAsync(restricted);
        Assert.Equal(
            ["0 issue \"letsencrypt.org\"", "0 issue \"pki.goog\""],
            answer["caa"]!.AsArray().Select(record => (string)record!));
        Assert.Equal(parent, (string)answer["caaFoundAt"]!);

        answer = await CheckAsync(free);
        Assert.Empty(answer["caa"]!.AsArray());
        Assert.Null(answer["caaFoundAt"]);

        answer = await CheckAsync(silent);
        Assert.True(answer.ContainsKey("caa"));
        Assert.Null(answer["caa"]);

        async Task<JsonObject> CheckAsync(string name)
        {
            host.Verifier.Diagnoses[name] = NoRecord;
            using var response = await domains.CheckAsync(new { hostname = name });
            return await Expect.OkAsync(response);
        }
    }

    [Fact]
    public async Task A_name_that_could_not_be_added_is_checked_without_asking_DNS()
    {
        using var domains = await DomainClient.CreateAsync(host);
        using var apex = await domains.CheckAsync(new { hostname = "Example.COM" });
        var answer = await Expect.OkAsync(apex);
        Assert.False((bool)answer["accepted"]!);
        Assert.Equal("example.com", (string)answer["hostname"]!);
        Assert.Contains("track.example.com", (string)answer["reason"]!, StringComparison.Ordinal);
        Assert.Null(answer["diagnosis"]);

        var mine = (string)(await domains.AddAsync())["hostname"]!;
        using var twice = await domains.CheckAsync(new { hostname = mine });
        Assert.Contains("already", (string)(await Expect.OkAsync(twice))["reason"]!, StringComparison.Ordinal);

        using var none = await domains.CheckAsync(new { name = "x" });
        var problem = await Expect.ProblemAsync(none, HttpStatusCode.BadRequest, "invalid-value");
        Assert.Equal(2, problem["errors"]!.AsArray().Count);
    }

    [Fact]
    public async Task Verifiers_are_asked_and_answer_over_RabbitMQ_too()
    {
        var broker = await rabbit.CreateVirtualHostAsync(TestContext.Current.CancellationToken);
        await using var separate = new ManagementHost(postgres)
        {
            Settings = new() { ["ConnectionStrings:rabbitmq"] = broker.AmqpUri.AbsoluteUri },
        };
        await separate.InitializeAsync();
        using var domains = await DomainClient.CreateAsync(separate);
        var name = (string)(await domains.AddAsync())["hostname"]!;
        separate.Verifier.Diagnoses["track.example.com"] = NoRecord;
        separate.Verifier.Verifications[name] = _ => separate.ExecuteAsync(
            "UPDATE domains.tracking_domains SET last_check = '{}', last_checked_at = clock_timestamp()");

        using var verified = await domains.VerifyAsync(name);
        await Expect.ProblemAsync(verified, HttpStatusCode.Conflict, "domain-not-verified");
        using var check = await domains.CheckAsync(new { hostname = "track.example.com" });
        Assert.True((bool)(await Expect.OkAsync(check))["accepted"]!);
    }

    private Task CheckedAsync(string name, string diagnosis) => host.ExecuteAsync(
        """
        UPDATE domains.tracking_domains SET last_check = $2::jsonb, last_checked_at = clock_timestamp()
        WHERE hostname = $1 AND deleted_at IS NULL
        """,
        name,
        diagnosis);

    private async Task<long> CountAsync(string condition, string name)
    {
        await using var command = host.DataSource.CreateCommand(
            $"SELECT count(*) FROM domains.tracking_domains WHERE hostname = $1 AND {condition}");
        command.Parameters.Add(new() { Value = name });
        return (long)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }
}

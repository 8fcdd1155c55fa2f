using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;

namespace Tracking.Functional.Tests.Management.Domains;

/// <summary>Certificates in the API. The tests write the rows in place of the certificate service.</summary>
[Collection(nameof(ManagementCollection))]
public sealed class CertificateTests(ManagementHost host)
{
    private const string Failure =
        """{"type":"connection","detail":"203.0.113.1: Timeout during connect (likely firewall problem)"}""";

    // Steps within the same millisecond have no defined order.
    private static readonly DateTimeOffset _at = new(2026, 11, 29, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_certificate_in_use_shows_who_issued_it_and_when_it_is_renewed()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = await domains.AddActiveAsync(hasCertificate: false);
        await IssueAsync(domains, name);

        var tls = (await domains.GetAsync(name))["tls"]!;

        Assert.Equal("active", (string)tls["status"]!);
        Assert.Equal("Issuing CA E7", (string)tls["issuer"]!);
        Assert.Equal(At(tls, "notBefore")!.Value.AddDays(45), At(tls, "notAfter"));
        Assert.Equal(At(tls, "notBefore")!.Value.AddDays(30), At(tls, "renewAt"));
        Assert.Null(tls["error"]);
        Assert.Null(tls["nextAttempt"]);
        var listed = (await domains.ListAsync())["items"]![0]!["tls"]!;
        Assert.Equal(tls.ToJsonString(), listed.ToJsonString());
    }

    [Theory]
    [InlineData(1, null, "failed")]
    [InlineData(1, "https://authority.example/unpause", "paused")]
    [InlineData(0, null, "pending")]
    public async Task A_name_without_one_shows_what_the_authority_said_and_when_it_is_tried_again(
        int failures, string? pausedUrl, string status)
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = await domains.AddActiveAsync(hasCertificate: false);
        await EnterAsync(domains, name, failures, Failure, pausedUrl);

        var tls = (await domains.GetAsync(name))["tls"]!;

        Assert.Equal(status, (string)tls["status"]!);
        Assert.Equal((string)JsonNode.Parse(Failure)!["detail"]!, (string)tls["error"]!);
        Assert.NotNull(tls["nextAttempt"]);
        Assert.Equal(pausedUrl, (string?)tls["pausedUrl"]);
    }

    [Fact]
    public async Task A_name_in_a_queue_shows_when_it_is_its_turn_and_what_to_do_is_shown_beside_an_error()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var (queued, refused) = (
            await domains.AddActiveAsync(hasCertificate: false), await domains.AddActiveAsync(hasCertificate: false));
        await EnterAsync(domains, queued, 0, """{"type":"rate-limited","detail":"in about 12 hours"}""");
        await host.ExecuteAsync("UPDATE certificates.names SET queued_for = 'd|orders' WHERE hostname = $1", queued);
        await EnterAsync(domains, refused, 1, """{"type":"caa","detail":"no","advice":"Add this record."}""");

        var waits = (await domains.GetAsync(queued))["tls"]!;
        Assert.Equal(("pending", "rate-limited"), ((string)waits["status"]!, (string)waits["errorType"]!));
        Assert.Equal(At(waits, "nextAttempt"), At(waits, "expectedAt"));
        var failed = (await domains.GetAsync(refused))["tls"]!;
        Assert.Equal(("caa", "Add this record."), ((string)failed["errorType"]!, (string)failed["advice"]!));
        Assert.Null(failed["expectedAt"]);
    }

    [Fact]
    public async Task Another_cluster_s_attempts_at_the_same_name_are_not_shown()
    {
        using var first = await DomainClient.CreateAsync(host);
        using var second = await DomainClient.CreateAsync(host);
        var name = await first.AddActiveAsync(hasCertificate: false);
        await second.AddAsync(name);
        await EnterAsync(first, name, 3, Failure);
        await AttemptAsync(first, name, 2, succeeded: false);

        Assert.Equal("none", (string)(await second.GetAsync(name))["tls"]!["status"]!);
        var shown = await ManagementHost.GetAsync(second.Client, $"{second.Path}/{name}/certificate");
        Assert.Empty(shown["items"]!.AsArray());
        using var refused = await RetryAsync(second, name);
        await Expect.ProblemAsync(refused, HttpStatusCode.Conflict, "conflict", "is not verified");
        Assert.Equal(3, await FailuresAsync(name));
    }

    [Fact]
    public async Task Attempts_are_shown_newest_first_and_page_by_page()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = await domains.AddActiveAsync(hasCertificate: false);
        await EnterAsync(domains, name, 1, Failure);
        await AttemptAsync(domains, name, 0, succeeded: false);
        await AttemptAsync(domains, name, 1, succeeded: true);
        await AttemptAsync(domains, name, 2, succeeded: false);
        var path = $"{domains.Path}/{name}/certificate";

        var newest = await ManagementHost.GetAsync(domains.Client, path + "?limit=2");
        var rest = await ManagementHost.GetAsync(domains.Client, $"{path}?limit=2&after={(string)newest["next"]!}");

        Assert.Equal(name, (string)newest["hostname"]!);
        Assert.Equal("failed", (string)newest["tls"]!["status"]!);
        Assert.Equal(
            ["challenge", "order", "check"],
            newest["items"]!.AsArray().Concat(rest["items"]!.AsArray()).Select(item => (string)item!["step"]!));
        var failed = newest["items"]![0]!;
        Assert.False((bool)failed["succeeded"]!);
        Assert.Equal("https://authority.example/directory", (string)failed["authority"]!);
        Assert.Equal("connection", (string)failed["problem"]!["type"]!);
        Assert.NotNull(failed["nextAt"]);
        Assert.Null(rest["next"]);
        using var wrong = await domains.Client.GetAsync(path + "?after=x");
        await Expect.ProblemAsync(wrong, HttpStatusCode.BadRequest, "invalid-value", "after");
    }

    [Fact]
    public async Task A_retry_begins_the_ladder_afresh_and_is_in_the_audit_log()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = await domains.AddActiveAsync(hasCertificate: false);
        await EnterAsync(domains, name, 4, Failure);

        using var response = await RetryAsync(domains, name);

        var tls = await Expect.OkAsync(response);
        Assert.Equal("pending", (string)tls["status"]!);
        Assert.True(At(tls, "nextAttempt") < TimeProvider.System.GetUtcNow().AddMinutes(1));
        Assert.Equal(0, await FailuresAsync(name));
        var audit = await ManagementHost.GetAsync(host.Admin, $"/api/v1/audit-log?cluster={domains.Cluster}");
        var entry = audit["items"]!.AsArray().Single(item => (string)item!["action"]! == "retry-certificate")!;
        Assert.Equal(name, (string)entry["subject"]!);
    }

    [Fact]
    public async Task No_retry_goes_past_a_limit_or_beside_an_attempt_or_without_need()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var (limited, busy, fine, unknown) = (
            await domains.AddActiveAsync(hasCertificate: false), await domains.AddActiveAsync(hasCertificate: false),
            await domains.AddActiveAsync(hasCertificate: false), await domains.AddActiveAsync(hasCertificate: false));
        await EnterAsync(domains, limited, 2, """{"type":"rate-limited","detail":"authority has had enough"}""");
        await EnterAsync(domains, busy, 2, Failure);
        await host.ExecuteAsync(
            "UPDATE certificates.names SET leased_until = now() + interval '1 minute' WHERE hostname = $1", busy);
        await IssueAsync(domains, fine);

        foreach (var (name, reason) in ((string, string)[])
            [(limited, "has had enough"), (busy, "under way"), (fine, "renewed"), (unknown, "Nothing has been")])
        {
            using var refused = await RetryAsync(domains, name);
            await Expect.ProblemAsync(refused, HttpStatusCode.Conflict, "conflict", reason);
        }

        Assert.Equal(2, await FailuresAsync(limited));
        Assert.Equal(2, await FailuresAsync(busy));
        using var nobody = await RetryAsync(domains, DomainClient.NewName());
        await Expect.ProblemAsync(nobody, HttpStatusCode.NotFound, "not-found");
    }

    [Fact]
    public async Task The_operators_own_hosts_are_listed_and_retried_by_admins_alone()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var own = $"console-{Guid.NewGuid():N}.example";
        var former = $"former-{Guid.NewGuid():N}.example";
        var theirs = await domains.AddActiveAsync(hasCertificate: false);
        await EnterAsync(domains, theirs, 1, Failure);
        await host.ExecuteAsync(
            """
            INSERT INTO certificates.names (hostname, cluster_id, due_at, failures, last_failure, last_failed_at)
            VALUES ($1, NULL, now() + interval '10 minutes', 2, $3::jsonb, now()), ($2, NULL, 'infinity', 0, NULL, NULL)
            """,
            own, former, Failure);
        await host.ExecuteAsync(
            """
            INSERT INTO certificates.attempts (id, hostname, cluster_id, at, directory, step, succeeded, problem)
            VALUES (gen_random_uuid(), $1, NULL, now(), 'https://authority.example/directory', 2, false, $2::jsonb)
            """,
            own, Failure);

        var listed = (await ManagementHost.GetAsync(host.Admin, "/api/v1/own-hosts"))["items"]!.AsArray();
        Assert.True((bool)listed[0]!["isSystemHost"]!);
        var entry = listed.Single(item => (string)item!["hostname"]! == own)!;
        Assert.Equal("failed", (string)entry["tls"]!["status"]!);
        Assert.DoesNotContain(listed, item => (string)item!["hostname"]! == theirs);
        Assert.DoesNotContain(listed, item => (string)item!["hostname"]! == former);

        var path = $"/api/v1/own-hosts/{own.ToUpperInvariant()}/certificate";
        var shown = await ManagementHost.GetAsync(host.Admin, path);
        Assert.Equal(own, (string)shown["hostname"]!);
        Assert.Equal("challenge", (string)shown["items"]!.AsArray().Single()!["step"]!);

        using var retried = await host.Admin.PostAsync(path + "/retry", null);
        Assert.Equal("pending", (string)(await Expect.OkAsync(retried))["status"]!);
        Assert.Equal(0, await FailuresAsync(own));
        var audit = await ManagementHost.GetAsync(host.Admin, "/api/v1/audit-log");
        Assert.Contains(audit["items"]!.AsArray(), item =>
            (string)item!["action"]! == "retry-certificate" && (string)item["subject"]! == own);

        await host.ExecuteAsync(
            "UPDATE certificates.names SET leased_until = now() + interval '1 minute' WHERE hostname = $1", own);
        using var busy = await host.Admin.PostAsync(path + "/retry", null);
        await Expect.ProblemAsync(busy, HttpStatusCode.Conflict, "conflict", "under way");
        using var notOwn = await host.Admin.GetAsync($"/api/v1/own-hosts/{theirs}/certificate");
        await Expect.ProblemAsync(notOwn, HttpStatusCode.NotFound, "not-found", theirs);
        using var noAdmin = await domains.Client.GetAsync("/api/v1/own-hosts");
        await Expect.ProblemAsync(noAdmin, HttpStatusCode.Forbidden, "forbidden");
    }

    private static DateTimeOffset? At(JsonNode tls, string member) =>
        (string?)tls[member] is { } text
            ? DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture) : null;

    private static Task<HttpResponseMessage> RetryAsync(DomainClient domains, string name) =>
        domains.Client.PostAsync($"{domains.Path}/{name}/certificate/retry", null);

    private Task EnterAsync(
        DomainClient domains, string name, int failures, string failure, string? pausedUrl = null) => host.ExecuteAsync(
        """
        INSERT INTO certificates.names (hostname, cluster_id, due_at, failures, last_failure, last_failed_at,
            paused_url)
        SELECT hostname, cluster_id, now() + interval '10 minutes', $3, $4::jsonb, now(), nullif($5, '')
        FROM domains.tracking_domains WHERE hostname = $1 AND cluster_id = $2
        """,
        name, ClusterNumber(domains), failures, failure, pausedUrl ?? "");

    private Task AttemptAsync(DomainClient domains, string name, int step, bool succeeded) => host.ExecuteAsync(
        """
        INSERT INTO certificates.attempts (id, hostname, cluster_id, at, directory, step, succeeded, problem, next_at)
        VALUES ($1, $2, $3, now(), 'https://authority.example/directory', $4, $5, $6::jsonb, now())
        """,
        Guid.CreateVersion7(_at.AddSeconds(step)), name, ClusterNumber(domains), (short)step, succeeded, succeeded
            ? "null"
            : Failure);

    private async Task IssueAsync(DomainClient domains, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var from = DateTimeOffset.FromUnixTimeSeconds(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds());
        using var issuer = new CertificateRequest("CN=Issuing CA E7, O=Authority", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(from.AddDays(-1), from.AddDays(400));
        using var certificate = new CertificateRequest("", key, HashAlgorithmName.SHA256)
            .Create(issuer.SubjectName, X509SignatureGenerator.CreateForECDsa(key), from, from.AddDays(45), [1]);
        await host.ExecuteAsync(
            """
            WITH made AS (
                INSERT INTO certificates.issued (id, hostname, cluster_id, directory, not_before, not_after, chain,
                    sealed_key, stored_at, is_renewal)
                VALUES (gen_random_uuid(), $1, $2, 'https://authority.example/directory', $3,
                    $3 + interval '45 days', $4, '', now(), false)
                RETURNING id, hostname, cluster_id
            ), used AS (
                INSERT INTO certificates.names (hostname, cluster_id, certificate_id, due_at, renew_at)
                SELECT hostname, cluster_id, id, now(), $3 + interval '30 days' FROM made
            )
            UPDATE domains.tracking_domains SET certificate_until = $3 + interval '45 days'
            WHERE hostname = $1 AND cluster_id = $2
            """,
            name, ClusterNumber(domains), from.UtcDateTime,
            certificate.ExportCertificatePem() + "\n" + issuer.ExportCertificatePem());
    }

    private async Task<int> FailuresAsync(string name)
    {
        await using var command = host.DataSource.CreateCommand(
            "SELECT failures FROM certificates.names WHERE hostname = $1");
        command.Parameters.Add(new() { Value = name });
        return (int)(await command.ExecuteScalarAsync())!;
    }

    private static int ClusterNumber(DomainClient domains) =>
        Links.ClusterId.TryParse(domains.Cluster, out var cluster)
            ? cluster.Value : throw new InvalidOperationException();
}

using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Tracking.Functional.Tests.Management.Domains;

/// <summary>Requests of the API to the certificate service. The tests read and write the rows in place of that
/// service.</summary>
[Collection(nameof(ManagementCollection))]
public sealed class CertificateRequestTests(ManagementHost host)
{
    [Fact]
    public async Task A_test_is_asked_for_once_a_minute_and_its_steps_are_shown()
    {
        using var domains = await DomainClient.CreateAsync(host);
        using var others = await DomainClient.CreateAsync(host);
        var name = await domains.AddActiveAsync(hasCertificate: false);

        var asked = await AcceptedAsync(await PostAsync(domains, name, "test"));

        Assert.Equal(("test", "waiting"), ((string)asked["kind"]!, (string)asked["status"]!));
        var id = (string)asked["id"]!;
        await host.ExecuteAsync(
            """
            UPDATE certificates.requests SET done_at = now(), succeeded = false,
                steps = '[{"step":"look","succeeded":false,"text":"no","advice":"Open it."}]' WHERE id = $1
            """,
            Guid.Parse(id));
        var path = $"{domains.Path}/{name}/certificate/requests/{id}";
        var read = await ManagementHost.GetAsync(domains.Client, path);
        Assert.Equal("failed", (string)read["status"]!);
        Assert.Equal("Open it.", (string)read["steps"]![0]!["advice"]!);
        using var again = await PostAsync(domains, name, "test");
        await Expect.ProblemAsync(again, HttpStatusCode.TooManyRequests, "too-many-requests", "every minute");
        using var notTheirs = await others.Client.GetAsync(path);
        await Expect.ProblemAsync(notTheirs, HttpStatusCode.NotFound, "not-found");
        var audit = await ManagementHost.GetAsync(host.Admin, $"/api/v1/audit-log?cluster={domains.Cluster}");
        Assert.Contains(audit["items"]!.AsArray(), item => (string)item!["action"]! == "test-certificate");
    }

    [Fact]
    public async Task A_revocation_names_its_reason_and_the_certificate_in_use()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = await domains.AddActiveAsync();
        using var none = await PostAsync(domains, name, "revoke", new { reason = "keyCompromise" });
        await Expect.ProblemAsync(none, HttpStatusCode.Conflict, "conflict", "no certificate");
        await host.ExecuteAsync(
            """
            WITH made AS (
                INSERT INTO certificates.issued (id, hostname, cluster_id, directory, not_before, not_after, chain,
                    sealed_key, stored_at, is_renewal)
                SELECT gen_random_uuid(), hostname, cluster_id, 'https://authority.example/directory', now(),
                    now() + interval '45 days', '', '', now(), false FROM domains.tracking_domains WHERE hostname = $1
                RETURNING *)
            INSERT INTO certificates.names (hostname, cluster_id, certificate_id)
            SELECT hostname, cluster_id, id FROM made
            """,
            name);

        foreach (var wrong in (object[])[new { }, new { reason = "because" }, new { reason = "superseded", replace = 1 }])
        {
            using var refused = await PostAsync(domains, name, "revoke", wrong);
            await Expect.ProblemAsync(refused, HttpStatusCode.BadRequest, "invalid-value");
        }

        await AcceptedAsync(await PostAsync(domains, name, "revoke", new { reason = "keyCompromise" }));

        Assert.Equal("3 1 True", await TextAsync(
            """
            SELECT concat_ws(' ', r.kind, r.reason, CASE WHEN r.is_replaced_first AND r.certificate_id = n.certificate_id
                THEN 'True' END)
            FROM certificates.requests r JOIN certificates.names n ON n.hostname = r.hostname WHERE r.hostname = $1
            """, name));
        using var twice = await PostAsync(domains, name, "revoke", new { reason = "keyCompromise" });
        await Expect.ProblemAsync(twice, HttpStatusCode.Conflict, "conflict", "under way");
    }

    [Fact]
    public async Task Accounts_are_an_admins_and_are_listed_without_their_keys()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var directory = $"https://{Guid.NewGuid():N}.example/directory";
        await host.ExecuteAsync(
            """
            INSERT INTO certificates.accounts (id, directory, url, sealed_key, thumbprint, rank, refused, created_at)
            VALUES (gen_random_uuid(), $1, 'https://authority.example/account/1', '\x01', 'thumb', 0,
                '"deactivated"', now())
            """,
            directory);

        var listed = await ManagementHost.GetAsync(host.Admin, "/api/v1/certificate-accounts");
        var account = listed["items"]!.AsArray().Single(item => (string)item!["directory"]! == directory)!.AsObject();
        Assert.Equal("deactivated", (string)account["refused"]!);
        Assert.Equal(
            ["directory", "url", "thumbprint", "createdAt", "keyChangedAt", "refused", "waiting",
                "waitingUntil"], account.Select(each => each.Key));

        foreach (var (verb, kind) in ((string, string)[])[("register", "register"), ("change-key", "changeKey")])
        {
            var asked = await AcceptedAsync(await host.Admin.PostAsync(
                $"/api/v1/certificate-accounts/{verb}?directory={Uri.EscapeDataString(directory)}", null));
            Assert.Equal(kind, (string)asked["kind"]!);
            var read = await ManagementHost.GetAsync(
                host.Admin, $"/api/v1/certificate-accounts/requests/{(string)asked["id"]!}");
            Assert.Equal("waiting", (string)read["status"]!);
            using var twice = await host.Admin.PostAsync($"/api/v1/certificate-accounts/{verb}", null);
            await Expect.ProblemAsync(twice, HttpStatusCode.Conflict, "conflict", "under way");
            using var theirs = await domains.Client.PostAsync($"/api/v1/certificate-accounts/{verb}", null);
            await Expect.ProblemAsync(theirs, HttpStatusCode.Forbidden, "forbidden");
        }

        await host.ExecuteAsync("UPDATE certificates.requests SET done_at = now(), succeeded = true WHERE directory = $1",
            directory);
    }

    private static Task<HttpResponseMessage> PostAsync(
        DomainClient domains, string name, string verb, object? body = null) => domains.Client.PostAsync(
        $"{domains.Path}/{name}/certificate/{verb}", body is null ? null : JsonContent.Create(body));

    private static async Task<JsonObject> AcceptedAsync(HttpResponseMessage response)
    {
        using (response)
        {
            var text = await response.Content.ReadAsStringAsync();
            Assert.True(response.StatusCode == HttpStatusCode.Accepted, text);
            return JsonNode.Parse(text)!.AsObject();
        }
    }

    private async Task<string> TextAsync(string sql, string name)
    {
        await using var command = host.DataSource.CreateCommand(sql);
        command.Parameters.Add(new() { Value = name });
        return (string)(await command.ExecuteScalarAsync())!;
    }
}

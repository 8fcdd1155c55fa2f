using Microsoft.Playwright;
using Tracking.Links;

namespace Tracking.Console.Tests;

/// <summary>A certificate's timeline, and the services for the operator.</summary>
public sealed class CertificateFlow(Running running)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Attempts_are_shown_and_can_be_repeated_by_a_form(bool scripts)
    {
        var (cluster, key) = await running.CreateClusterAsync($"Certificates {Guid.NewGuid()}");
        _ = ClusterId.TryParse(cluster, out var id);
        var host = $"track.certificate{(scripts ? 1 : 2)}.example.org";
        await running.PostAsync($"/api/v1/clusters/{cluster}/tracking-domains", new { hostname = host });
        await running.ExecuteAsync(
            "UPDATE domains.tracking_domains SET status = 1, verified_at = now() WHERE hostname = $1", host);
        await running.ExecuteAsync(
            """
            INSERT INTO certificates.names (hostname, cluster_id, due_at, failures, last_failure)
            VALUES ($1, $2, now() + interval '3 hours', 2,
                '{"type":"unauthorized","detail":"The key authorization was not found at http://example.org/."}')
            ON CONFLICT (hostname) DO UPDATE SET due_at = excluded.due_at, failures = 2, last_failure = excluded.last_failure
            """,
            host, id.Value);
        foreach (var (step, succeeded, problem) in new (short, bool, string?)[]
        {
            (1, true, null),
            (2, false, """
                {"type":"unauthorized","detail":"The key authorization was not found.<script>alert(1)</script>",
                "subproblems":[{"type":"caa","detail":"CAA forbids this authority."}]}
                """),
        })
        {
            await running.ExecuteAsync(
                """
                INSERT INTO certificates.attempts (id, hostname, cluster_id, at, directory, step, succeeded, problem, next_at)
                VALUES ($1, $2, $3, now(), 'https://acme.example.net/directory', $4, $5, $6::jsonb,
                    CASE WHEN $5 THEN NULL ELSE now() + interval '3 hours' END)
                """,
                Guid.CreateVersion7(TimeProvider.System.GetUtcNow()), host, id.Value, step, succeeded, problem);
        }

        await using var visit = await Visit.SignedInAsync(
            running, key, new Reader(Scripts: scripts), $"/clusters/{cluster}/tracking-domains/{host}");
        var page = visit.Page;
        page.Dialog += (_, _) => Assert.Fail("A script ran.");
        await page.GetByRole(AriaRole.Link, new() { Name = "The certificate, and what was tried for it" }).ClickAsync();
        await page.GetByText("The authority could not prove the name").WaitForAsync();
        await page.GetByText("CAA forbids this authority.").WaitForAsync();
        await page.GetByText("acme.example.net").First.WaitForAsync();
        if (scripts)
        {
            await visit.PictureAsync("certificate-light");
            await visit.AssertAccessibleAsync();
        }

        await page.GetByRole(AriaRole.Button, new() { Name = "Try again now" }).ClickAsync();
        await page.GetByText("An attempt begins in a moment.").WaitForAsync();
        await using var due = running.Database.CreateCommand(
            "SELECT due_at <= now() AND failures = 0 FROM certificates.names WHERE hostname = $1");
        due.Parameters.Add(new() { Value = host });
        Assert.Equal(true, await due.ExecuteScalarAsync(Cancelled));
    }

    [Fact]
    public async Task The_services_are_shown_to_admins_alone()
    {
        await using var admin = await Visit.SignedInAsync(running, running.Server.AdminKey, to: "/services");
        await admin.Page.GetByText("This process").WaitForAsync();
        await admin.Page.GetByText("database: ready").First.WaitForAsync();

        // The configured address of another service: here it is this service itself, over HTTP.
        await admin.Page.GetByText($"127.0.0.1:{running.Server.Api.Port}", new() { Exact = true }).WaitForAsync();
        await admin.Page.GetByText("127.0.0.1:9", new() { Exact = true }).WaitForAsync();
        await admin.Page.GetByText("does not answer").WaitForAsync();
        await using var cluster = await Visit.SignedInAsync(running, running.Shop.Key);
        Assert.Equal(404, (await cluster.Page.GotoAsync("/services"))!.Status);
    }
}

using Microsoft.Extensions.DependencyInjection;
using Tracking.Bus;
using Tracking.Database;
using Tracking.Functional.Tests.RedirectEdge;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Rewrite;

/// <summary>Messages with links on a cluster's own names.</summary>
public sealed class TrackingDomainTests(RewritePostgres postgres) : IAsyncLifetime
{
    private static readonly TimeSpan _deadline = TimeSpan.FromSeconds(45);

    private RewriteHost _host = null!;
    private ClusterId _cluster;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _host = await RewriteHost.StartAsync(
            await postgres.CreateDatabaseAsync(), ("Tracking:DirectoryRefresh", "00:01:00"));
        _cluster = await _host.CreateClusterAsync();
    }

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Fact]
    public async Task The_default_becomes_the_host_of_links_when_it_is_announced_and_the_system_host_when_it_is_lost()
    {
        await AddAsync("links.shop.example");
        Assert.Contains("\"https://track.localhost/c/", await RewrittenAsync("1"), StringComparison.Ordinal);

        await ChangeAsync("links.shop.example", "is_default = true");
        await ComesToAsync("\"https://links.shop.example/c/");
        Assert.Equal(
            "links.shop.example",
            await _host.ScalarAsync<string>("SELECT host FROM rewrite.messages ORDER BY registered_at DESC LIMIT 1"));
        Assert.Equal("links.shop.example", (string)(await _host.DryRunAsync(_cluster, Message("x")))["host"]!);

        await ChangeAsync("links.shop.example", "certificate_until = now() - interval '1 day'");
        await ComesToAsync("\"https://track.localhost/c/");
        var report = await _host.DryRunAsync(_cluster, Message("x"));
        Assert.Equal("links.shop.example", (string)report["defaultHostIgnored"]!);
        Assert.Equal("no-certificate", (string)report["defaultHostIgnoredReason"]!);

        await ChangeAsync("links.shop.example", "https = 1");
        await ComesToAsync("\"http://links.shop.example/o/");

        await ChangeAsync("links.shop.example", "is_default = false, status = 0");
        await ComesToAsync("\"https://track.localhost/c/");
    }

    [Fact]
    public async Task The_host_that_is_asked_for_is_used_and_what_it_restricts_is_obeyed()
    {
        await AddAsync("links.shop.example", "is_default = true");
        await AddAsync("bare.shop.example", "track_opens = false, excluded_domains = '{example.com/account/*}'");
        await AddAsync("old.shop.example", "is_retired = true");
        await AddAsync("new.shop.example", "status = 0");
        var body = await _host.AcceptedAsync(
            _cluster,
            Mail.Html("x", "https://example.com/1", "https://example.com/account/2", "https://links.shop.example/"),
            ("tracking-host", "bare.shop.example"));
        Assert.Contains("\"https://bare.shop.example/c/", body, StringComparison.Ordinal);
        Assert.Contains("\"https://example.com/account/2\"", body, StringComparison.Ordinal);
        Assert.Contains("\"https://links.shop.example/\"", body, StringComparison.Ordinal);
        Assert.DoesNotContain("/o/", body, StringComparison.Ordinal);

        foreach (var (asked, why) in new[]
        {
            ("old.shop.example", "retired"), ("new.shop.example", "pending"),
            ("never.shop.example", "not-a-tracking-domain-of-this-cluster"),
        })
        {
            using var response = await _host.RewriteAsync(_cluster, Message(asked), ("tracking-host", asked));
            Assert.Equal(
                $"{asked} is not used: {why}", Assert.Single(response.Headers.GetValues("Tracking-Host-Ignored")));
            Assert.Contains(
                "\"https://links.shop.example/c/",
                await response.Content.ReadAsStringAsync(Cancelled),
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task While_the_system_host_has_lost_its_certificate_links_on_it_stay_plain_and_others_go_on()
    {
        await using var host = await RewriteHost.StartAsync(
            await postgres.CreateDatabaseAsync(), ("Tracking:DirectoryRefresh", "00:00:01"),
            ("Tracking:SystemHost", "links.operator.example"));
        var cluster = await host.CreateClusterAsync();
        await host.ExecuteAsync(
            """
            INSERT INTO domains.tracking_domains (id, cluster_id, hostname, target, status, certificate_until)
            VALUES (gen_random_uuid(), $1, 'own.shop.example', 'own-target', 1, now() + interval '9 days')
            """,
            cluster.Value);
        var number = 0;
        async Task ComesAsync(string reason) => await Eventually.HoldsAsync(
            async () =>
            {
                using var response = await host.RewriteAsync(cluster, Message($"{reason}{number++}"));
                return (response.Headers.TryGetValues("Tracking-Untouched", out var why) ? why.Single() : "") == reason;
            },
            $"a message on the system host is \"{reason}\"", Cancelled);
        Task IssueAsync(string until) => host.ExecuteAsync(
            $"""
            INSERT INTO certificates.issued (id, hostname, directory, not_before, not_after, chain, sealed_key, stored_at,
                is_renewal)
            VALUES (gen_random_uuid(), 'links.operator.example', 'd', now() - interval '40 days', {until}, '', '', now(),
                false)
            """);

        // The certificate is managed elsewhere. Nothing is known about it, so it is assumed to be valid.
        await ComesAsync("");
        await IssueAsync("now() - interval '1 second'");
        await ComesAsync("no-tracking-host");
        Assert.Contains(
            "\"https://own.shop.example/c/",
            await host.AcceptedAsync(cluster, Message("own"), ("tracking-host", "own.shop.example")),
            StringComparison.Ordinal);

        await IssueAsync("now() + interval '40 days'");
        await ComesAsync("");
        await host.ExecuteAsync("UPDATE certificates.issued SET revoked_at = now() WHERE not_after > now()");
        await ComesAsync("no-tracking-host");
    }

    [Fact]
    public async Task A_name_of_another_cluster_is_nobodys_business()
    {
        var other = await _host.CreateClusterAsync();
        await SomeDomains.AddAsync(_host.Beside, other.Value, "links.other.example");
        var report = await _host.DryRunAsync(_cluster, Message("x"), ("tracking-host", "links.other.example"));
        Assert.Equal("not-a-tracking-domain-of-this-cluster", (string)report["hostIgnoredReason"]!);
        Assert.Equal("track.localhost", (string)report["host"]!);
        report = await _host.DryRunAsync(other, Message("x"), ("tracking-host", "links.other.example"));
        Assert.Equal("links.other.example", (string)report["host"]!);
    }

    [Fact]
    public async Task A_link_that_is_tracked_already_is_not_tracked_again_on_another_host()
    {
        await AddAsync("one.shop.example");
        await AddAsync("two.shop.example");
        var once = await _host.AcceptedAsync(_cluster, Message("x"), ("tracking-host", "one.shop.example"));
        using var response = await _host.RewriteAsync(_cluster, once, ("tracking-host", "two.shop.example"));
        Assert.Equal("nothing-to-track", Assert.Single(response.Headers.GetValues("Tracking-Untouched")));
        Assert.Equal(once, Mail.Text(await response.Content.ReadAsByteArrayAsync(Cancelled)));
    }

    [Fact]
    public async Task A_link_to_a_tracking_domain_stays_plain_without_a_token_too_whichever_cluster_has_the_domain()
    {
        // The rules: links to our own hosts are never wrapped again, and links to another tenant's tracking host stay
        // plain. Neither asks for a token.
        var other = await _host.CreateClusterAsync();
        await AddAsync("links.shop.example", "is_default = true");
        await AddAsync("two.shop.example");
        await AddAsync("old.shop.example", "is_retired = true");
        await AddAsync("new.shop.example", "status = 0");
        await SomeDomains.AddAsync(_host.Beside, other.Value, "links.other.example");
        string[] plain =
        [
            "https://track.localhost/1", "https://links.shop.example/2", "https://two.shop.example/3",
            "https://TWO.shop.example:8443?4", "http://old.shop.example/5", "https://links.other.example./6",
        ];

        // Everybody may add a name, so a pending one says nothing about who owns it.
        string[] wrapped = ["https://new.shop.example/7", "https://nobody.shop.example/8", "https://example.com/9"];
        for (var i = 0; i < 2; i++)
        {
            // The second time all hosts are in memory.
            var report = await _host.DryRunAsync(_cluster, Mail.Html("x", [.. plain, .. wrapped]));
            Assert.Equal(
                [
                    .. plain.Select(url => (url, "tracking-host")),
                    .. wrapped.Select(url => (url, "tracked")),
                ],
                report["links"]!.AsArray().Select(link => ((string)link!["url"]!, (string)link["decision"]!)));
        }

        var body = await _host.AcceptedAsync(_cluster, Mail.Html("x", [.. plain, .. wrapped]));
        Assert.All(plain, url => Assert.Contains($"\"{url}\"", body, StringComparison.Ordinal));
        Assert.All(wrapped, url => Assert.DoesNotContain($"\"{url}\"", body, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_name_that_is_verified_or_lost_changes_what_becomes_of_links_to_it()
    {
        await AddAsync("two.shop.example", "status = 0");
        async Task ComesToAsync(string decision) => await Eventually.HoldsAsync(
            async () => (await _host.DryRunAsync(_cluster, Mail.Html("x", "https://two.shop.example/1")))["links"]![0]!
                ["decision"]!.ToString() == decision,
            $"the link is {decision}",
            Cancelled,
            _deadline);
        await ComesToAsync("tracked");
        await ChangeAsync("two.shop.example", "status = 1");
        await ComesToAsync("tracking-host");
        await ChangeAsync("two.shop.example", "status = 0");
        await ComesToAsync("tracked");
    }

    [Fact]
    public async Task A_demotion_that_has_not_been_heard_of_yet_makes_links_that_rest_until_the_name_is_verified_again()
    {
        // docs/rewriting.md, "Which host": the message is not held back and not lost.
        await AddAsync("links.shop.example", "is_default = true");
        await SomeDomains.ChangeAsync(
            _host.Beside, _cluster.Value, "links.shop.example", "status = 0, is_default = false");
        Assert.Contains("\"https://links.shop.example/c/", await RewrittenAsync("1"), StringComparison.Ordinal);
        Assert.Equal(
            "links.shop.example",
            await _host.ScalarAsync<string>("SELECT host FROM rewrite.messages WHERE host <> 'track.localhost'"));

        Announce("links.shop.example");
        await ComesToAsync("\"https://track.localhost/c/");
    }

    [Fact]
    public async Task One_names_change_reads_neither_clusters_nor_keys_again()
    {
        await AddAsync("links.shop.example", "is_default = true");
        var directory = _host.Services.GetRequiredService<ClusterDirectory>();
        Assert.True(directory.TryGet(_cluster, out var before));
        await ChangeAsync("links.shop.example", "track_clicks = false");
        await Eventually.HoldsAsync(
            () => directory.TryGet(_cluster, out var now) && now.DefaultDomain?.TracksClicks == false,
            "the default is read",
            Cancelled,
            _deadline);
        Assert.True(directory.TryGet(_cluster, out var after));
        Assert.Same(before, after);

        // A refresh of the whole directory gives the same result.
        await directory.RefreshAsync(Cancelled);
        Assert.True(directory.TryGet(_cluster, out after));
        Assert.False(after.DefaultDomain!.TracksClicks);
    }

    private static string Message(string subject) => Mail.Html(subject, "https://example.com/1");

    private Task<string> RewrittenAsync(string subject) => _host.AcceptedAsync(_cluster, Message(subject));

    private Task ComesToAsync(string link) => Eventually.HoldsAsync(
        async () => (await RewrittenAsync(Guid.NewGuid().ToString())).Contains(link, StringComparison.Ordinal),
        $"links begin with {link}",
        Cancelled,
        _deadline);

    private async Task AddAsync(string hostname, string? set = null)
    {
        await SomeDomains.AddAsync(_host.Beside, _cluster.Value, hostname);
        if (set is not null)
        {
            await SomeDomains.ChangeAsync(_host.Beside, _cluster.Value, hostname, set);
        }

        await _host.Services.GetRequiredService<ClusterDirectory>().RefreshAsync(Cancelled);
    }

    private async Task ChangeAsync(string hostname, string set)
    {
        await SomeDomains.ChangeAsync(_host.Beside, _cluster.Value, hostname, set);
        Announce(hostname);
    }

    private void Announce(string hostname) =>
        _host.Services.GetRequiredService<DirectoryChanges>().Announce(_cluster, hostname: hostname);
}

using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Tracking.Database.Entities;
using Tracking.Functional.Tests.Management;

namespace Tracking.Functional.Tests.Rewrite;

/// <summary>The report of a dry run, and the result headers of an answer.</summary>
public sealed class ReportTests(SharedRewriteHost shared) : IClassFixture<SharedRewriteHost>
{
    private readonly RewriteHost _host = shared.Host;

    [Fact]
    public async Task A_dry_run_reports_every_link_and_stores_nothing()
    {
        var report = await _host.DryRunAsync(
            shared.Cluster,
            "From: a@shop.example\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
            + "<a href=3D\"https://example.com/?a=3D1&amp;b=3D2\">Offer</a>"
            + "<a href=3D\"mailto:b@shop.example\">x</a>\r\n");
        Assert.Equal(1, (int)report["trackedLinks"]!);
        Assert.True((bool)report["opens"]!);
        Assert.Null(report["untouched"]);
        Assert.Null(report["hostIgnored"]);
        Assert.Equal("""[{"part":1,"links":2,"reason":null}]""", report["parts"]!.ToJsonString());
        var first = report["links"]![0]!;
        Assert.Equal(1, (int)first["part"]!);
        Assert.Equal(1, (int)first["position"]!);
        Assert.Equal("https://example.com/?a=1&b=2", (string)first["url"]!);
        Assert.Equal("https://example.com/?a=3D1&amp;b=3D2", (string)first["encoded"]!);
        Assert.Equal("tracked", (string)first["decision"]!);
        Assert.Equal("https://example.com/?a=1&b=2", (string)first["destination"]!);
        Assert.Equal("Offer", (string)first["name"]!);
        var second = report["links"]![1]!;
        Assert.Equal("not-http", (string)second["decision"]!);
        Assert.Null(second["destination"]);
        Assert.Equal(0, await _host.StoredAsync());
    }

    [Theory]
    [InlineData("https://user:secret@example.com/a@b", "https://***@example.com/a@b", "https://***@example.com/a@b")]
    [InlineData("https:\\\\user:secret@example.com/", "https:\\\\***@example.com/", "https:\\\\***@example.com/")]
    [InlineData("https:///user:secret@example.com/", "https:///***@example.com/", "https:///***@example.com/")]
    [InlineData("https://user:s&#101;cret&#64;example.com/", "https://***@example.com/", "***")]
    [InlineData("https://secret@user:secret&#64;example.com/", "https://***@example.com/", "***")]
    public async Task User_names_and_passwords_are_masked_everywhere_in_the_report(
        string written, string shown, string encoded)
    {
        var report = await _host.DryRunAsync(
            shared.Cluster,
            $"From: a@shop.example\r\nContent-Type: text/html\r\n\r\n<a href=\"{written}\">{written}</a>\r\n");
        Assert.DoesNotContain("cret", report.ToJsonString(), StringComparison.Ordinal);
        var link = Assert.Single(report["links"]!.AsArray())!;
        Assert.Equal(shown, (string)link["url"]!);
        Assert.Equal(shown, (string)link["destination"]!);
        Assert.Equal(encoded, (string)link["encoded"]!);
        Assert.Equal("tracked", (string)link["decision"]!);
    }

    [Fact]
    public async Task The_description_names_what_is_taken_and_what_the_answer_tells()
    {
        var description = await _host.Admin.GetFromJsonAsync<JsonObject>(
            "/openapi/v1.json", TestContext.Current.CancellationToken);
        var operation = description!["paths"]!["/api/v1/clusters/{cluster}/rewrite"]!["post"]!;
        Assert.Equal(
            ["message/rfc822", "message/global"],
            operation["requestBody"]!["content"]!.AsObject().Select(content => content.Key));
        Assert.Contains("Tracking-Host-Ignored", (string)operation["description"]!, StringComparison.Ordinal);
        Assert.Contains(operation["parameters"]!.AsArray(), parameter => (string)parameter!["name"]! == "dryRun");
    }

    [Fact]
    public async Task The_answer_tells_id_links_and_opens()
    {
        var cluster = await _host.CreateClusterAsync();
        using var response = await _host.RewriteAsync(
            cluster,
            Mail.Html("x", "https://example.com/1", "https://example.com/2"),
            ("tracking-message-id", "<7@x>"));
        Assert.Equal("message/rfc822", response.Content.Headers.ContentType!.ToString());
        Assert.Equal("<7@x>", Header(response, "Tracking-Message-Id"));
        Assert.Equal("2", Header(response, "Tracking-Links"));
        Assert.Equal("yes", Header(response, "Tracking-Opens"));
        Assert.Null(Header(response, "Tracking-Untouched"));
        Assert.Null(Header(response, "Tracking-Host-Ignored"));
        await ForgetAsync();
    }

    [Fact]
    public async Task A_message_that_stays_as_it_is_says_why_and_is_not_stored()
    {
        var cluster = await _host.CreateClusterAsync(new ClusterSettings());
        var message = Mail.Html("x", "https://example.com/1");
        using var response = await _host.RewriteAsync(cluster, message);
        Assert.Equal("tracking-off", Header(response, "Tracking-Untouched"));
        Assert.Equal("0", Header(response, "Tracking-Links"));
        Assert.Equal("no", Header(response, "Tracking-Opens"));
        Assert.Matches("^[0-9a-f]{64}$", Header(response, "Tracking-Message-Id"));
        Assert.Equal(message, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal(0, await _host.StoredAsync());
    }

    [Fact]
    public async Task Headers_that_are_not_obeyed_are_named_with_the_reason()
    {
        var cluster = await _host.CreateClusterAsync();
        var message = "X-MSYS-API: {\"options\":\r\nX-Tracking-Clicks: perhaps\r\n"
            + Mail.Html("x", "https://example.com/1");
        using var response = await _host.RewriteAsync(cluster, message);
        Assert.Equal(
            "X-Tracking-Clicks unknown-value, X-MSYS-API not-json", Header(response, "Tracking-Headers-Ignored"));
        Assert.Equal("1", Header(response, "Tracking-Links"));
        Assert.DoesNotContain(
            "X-MSYS-API",
            await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            StringComparison.Ordinal);

        var report = await _host.DryRunAsync(cluster, message);
        Assert.Equal(
            """
            [{"header":"X-Tracking-Clicks","reason":"unknown-value"},{"header":"X-MSYS-API","reason":"not-json"}]
            """,
            report["ignoredHeaders"]!.ToJsonString());
        await ForgetAsync();
    }

    [Fact]
    public async Task Utm_parameters_of_cluster_message_and_request_are_in_the_destination()
    {
        var cluster = await _host.CreateClusterAsync(
            new ClusterSettings { TrackClicks = true, Utm = "utm_source=news&utm_medium=email&utm_term=all" });
        var message = "X-Tracking-Utm: utm_campaign=spring&utm_term=\r\n" + Mail.Html("x", "https://example.com/1#top");
        var report = await _host.DryRunAsync(cluster, message);
        Assert.Equal("https://example.com/1#top", (string)report["links"]![0]!["url"]!);
        Assert.Equal(
            "https://example.com/1?utm_source=news&utm_medium=email&utm_campaign=spring#top",
            (string)report["links"]![0]!["destination"]!);

        using var refused = await _host.RewriteAsync(cluster, message, ("tracking-utm", "source=x"));
        await Expect.ProblemAsync(
            refused, HttpStatusCode.BadRequest, "invalid-value", "tracking-utm", "utm_source=newsletter");
    }

    [Theory]
    [InlineData("track.other.example", "track.other.example")]
    [InlineData("TRACK.Other.example.", "track.other.example")]
    [InlineData("not a host", "not?a?host")]
    public async Task A_tracking_host_that_is_no_active_domain_is_named_and_the_default_used(string asked, string named)
    {
        var cluster = await _host.CreateClusterAsync();
        var message = Mail.Html("x", "https://example.com/1");
        using var response = await _host.RewriteAsync(cluster, message, ("tracking-host", asked));
        Assert.Equal(
            $"{named} is not used: not-a-tracking-domain-of-this-cluster", Header(response, "Tracking-Host-Ignored"));
        Assert.Contains(
            "https://track.localhost/c/",
            await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            StringComparison.Ordinal);

        var report = await _host.DryRunAsync(cluster, "X-Tracking-Host: " + asked + "\r\n" + message);
        Assert.Equal(asked, (string)report["hostIgnored"]!);
        Assert.Equal("not-a-tracking-domain-of-this-cluster", (string)report["hostIgnoredReason"]!);
        Assert.Equal("track.localhost", (string)report["host"]!);
        await ForgetAsync();
    }

    [Fact]
    public async Task A_host_in_the_message_cannot_break_the_answers_header()
    {
        var cluster = await _host.CreateClusterAsync();
        using var response = await _host.RewriteAsync(
            cluster, "X-Tracking-Host: a\0b\r\n \u00e9\rSet-Cookie: x=y\r\n" + Mail.Html("x", "https://example.com/1"));
        Assert.True(response.IsSuccessStatusCode);
        Assert.StartsWith("a?b", Header(response, "Tracking-Host-Ignored"), StringComparison.Ordinal);
        Assert.False(response.Headers.Contains("Set-Cookie"));
        await ForgetAsync();
    }

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? values.Single() : null;

    // The other tests of this class assert that nothing is stored.
    private Task ForgetAsync() => _host.ExecuteAsync("TRUNCATE rewrite.messages, links.destinations");
}

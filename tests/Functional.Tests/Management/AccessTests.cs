using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Routing;
using Tracking.Api;
using Tracking.Servers;
using static Tracking.Functional.Tests.Management.ManagementHost;

namespace Tracking.Functional.Tests.Management;

[Collection(nameof(ManagementCollection))]
public sealed class AccessTests(ManagementHost host)
{
    [Fact]
    public void Every_route_of_the_API_says_which_keys_open_it()
    {
        Assert.NotEmpty(host.ApiRoutes);
        Assert.All(host.ApiRoutes, route =>
        {
            var access = route.Metadata.GetMetadata<RequiredAccess>();
            Assert.True(access is not null, route.DisplayName);
            var namesCluster = route.RoutePattern.GetParameter(RequireAccess.ClusterRouteValue) is not null;
            Assert.Equal(namesCluster, access.Level is AccessLevel.Cluster or AccessLevel.ClusterAdmin);
        });
    }

    [Fact]
    public async Task Without_a_working_key_every_route_answers_401()
    {
        var unknown = ApiKeySecret.Create();
        foreach (var (method, path) in Requests("zzzzz"))
        {
            string?[] keys = [null, unknown, "trk_short", host.AdminKey + "0", host.AdminKey.ToUpperInvariant()];
            foreach (var key in keys)
            {
                using var client = host.Client(key);
                using var response = await SendAsync(client, method, path);
                await Expect.ProblemAsync(response, HttpStatusCode.Unauthorized, "unauthorized", "Authorization");
                Assert.Equal("Bearer", response.Headers.WwwAuthenticate.Single().Scheme);
            }
        }
    }

    [Fact]
    public async Task A_key_anywhere_but_in_the_header_is_not_accepted()
    {
        using var client = host.Client(null);
        using var inQuery = await Expect.GetAsync(
            client, $"/api/v1/clusters?key={host.AdminKey}&access_token={host.AdminKey}");
        var problem = await Expect.ProblemAsync(inQuery, HttpStatusCode.Unauthorized, "unauthorized");
        Assert.DoesNotContain(host.AdminKey, problem.ToJsonString(), StringComparison.Ordinal);

        client.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", $"Basic {host.AdminKey}");
        using var asBasic = await Expect.GetAsync(client, "/api/v1/clusters");
        await Expect.ProblemAsync(asBasic, HttpStatusCode.Unauthorized, "unauthorized");
    }

    [Fact]
    public async Task Another_tenants_cluster_answers_as_if_nothing_were_there()
    {
        var (mine, key) = await host.CreateClusterAsync();
        var (theirs, _) = await host.CreateClusterAsync();
        using var own = host.Client(key);

        // This id is random, so a cluster with it is very improbable.
        const string Nothing = "zzzzy";
        foreach (var ((method, path), (_, nowhere)) in Requests(theirs).Zip(Requests(Nothing)))
        {
            if (!path.Contains(theirs, StringComparison.Ordinal))
            {
                continue;
            }

            var there = await AnswerAsync(own, method, path, theirs);
            var absent = await AnswerAsync(own, method, nowhere, Nothing);
            Assert.Equal(HttpStatusCode.NotFound, there.Status);
            Assert.Equal(absent, there);
        }

        Assert.Equal(mine, (string)(await GetAsync(own, $"/api/v1/clusters/{mine}"))["id"]!);
        Assert.Equal(theirs, (string)(await GetAsync(host.Admin, $"/api/v1/clusters/{theirs}"))["id"]!);
    }

    [Theory]
    [InlineData("00000")]
    [InlineData("zzzzzz")]
    [InlineData("....")]
    [InlineData("%2F")]
    [InlineData("iiiii")]
    public async Task A_malformed_cluster_answers_404_to_an_admin_too(string cluster)
    {
        foreach (var (method, path) in Requests(cluster).Where(r => r.Path.Contains(cluster, StringComparison.Ordinal)))
        {
            using var response = await SendAsync(host.Admin, method, path);
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        }
    }

    [Fact]
    public async Task A_cluster_key_is_told_where_an_admin_key_is_needed()
    {
        var (_, key) = await host.CreateClusterAsync();
        using var own = host.Client(key);
        foreach (var route in host.ApiRoutes
            .Where(route => route.Metadata.GetMetadata<RequiredAccess>()!.Level is AccessLevel.Admin))
        {
            using var response = await SendAsync(own, Method(route), Path(route, "zzzzz"));
            await Expect.ProblemAsync(response, HttpStatusCode.Forbidden, "forbidden");
        }
    }

    [Fact]
    public async Task A_secret_is_shown_once_and_stored_as_a_hash()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        var keys = $"/api/v1/clusters/{cluster}/api-keys";
        var made = await PostAsync(host.Admin, keys, new { name = "mta-1" });
        var secret = (string)made["secret"]!;
        Assert.Matches("^trk_[0-9a-z]{32}$", secret);

        var listed = await GetAsync(host.Admin, keys);
        Assert.Contains("mta-1", listed.ToJsonString(), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", listed.ToJsonString(), StringComparison.Ordinal);
        var shown = await GetAsync(host.Admin, $"{keys}/{made["id"]}");
        Assert.Equal(["id", "name", "createdAt"], shown.Select(member => member.Key));
        await using var command = host.DataSource.CreateCommand(
            "SELECT count(*) FROM management.api_keys k WHERE k::text LIKE '%' || $1 || '%'");
        command.Parameters.Add(new() { Value = secret["trk_".Length..] });
        Assert.Equal(0L, await command.ExecuteScalarAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_revoked_key_stops_and_cannot_be_revoked_again()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        var keys = $"/api/v1/clusters/{cluster}/api-keys";
        var made = await PostAsync(host.Admin, keys, new { name = "leaked" });
        using var leaked = host.Client((string)made["secret"]!);
        await GetAsync(leaked, keys);

        // A key may revoke itself, so that the finder of a leaked key can revoke it.
        using var revoked = await Expect.DeleteAsync(leaked, $"{keys}/{made["id"]}");
        Assert.Equal(HttpStatusCode.NoContent, revoked.StatusCode);
        using var refused = await Expect.GetAsync(leaked, keys);
        await Expect.ProblemAsync(refused, HttpStatusCode.Unauthorized, "unauthorized");
        using var again = await Expect.DeleteAsync(host.Admin, $"{keys}/{made["id"]}");
        await Expect.ProblemAsync(again, HttpStatusCode.NotFound, "not-found");
        using var nonsense = await Expect.DeleteAsync(host.Admin, $"{keys}/1");
        await Expect.ProblemAsync(nonsense, HttpStatusCode.NotFound, "not-found");
    }

    [Fact]
    public async Task A_key_revoked_elsewhere_stops_within_five_seconds()
    {
        var (cluster, key) = await host.CreateClusterAsync();
        using var own = host.Client(key);
        await GetAsync(own, $"/api/v1/clusters/{cluster}");

        // Another process revokes the key, and its announcement is lost.
        await host.ExecuteAsync(
            "UPDATE management.api_keys SET revoked_at = now() WHERE cluster_id = (SELECT cluster_id FROM "
            + "management.api_keys WHERE name = 'test' AND secret_hash = $1)", Hash(key));
        var clock = Stopwatch.StartNew();
        await Eventually.HoldsAsync(
            async () =>
            {
                // The time of sending counts, because the answer may take long on a busy machine.
                var isLate = clock.Elapsed > TimeSpan.FromSeconds(5);
                using var response = await Expect.GetAsync(own, $"/api/v1/clusters/{cluster}");
                var isRefused = response.StatusCode == HttpStatusCode.Unauthorized;
                Assert.True(isRefused || !isLate, "the key still works");
                return isRefused;
            },
            "the key is refused",
            TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Another_clusters_key_cannot_be_revoked_through_ones_own_cluster()
    {
        var (mine, key) = await host.CreateClusterAsync();
        var (theirs, _) = await host.CreateClusterAsync();
        var made = await PostAsync(host.Admin, $"/api/v1/clusters/{theirs}/api-keys", new { name = "theirs" });
        using var own = host.Client(key);

        using var response = await Expect.DeleteAsync(own, $"/api/v1/clusters/{mine}/api-keys/{made["id"]}");

        await Expect.ProblemAsync(response, HttpStatusCode.NotFound, "not-found");
        using var theirClient = host.Client((string)made["secret"]!);
        await GetAsync(theirClient, $"/api/v1/clusters/{theirs}");
    }

    [Fact]
    public async Task Admin_keys_can_be_replaced_but_the_last_one_stays()
    {
        var made = await PostAsync(host.Admin, "/api/v1/api-keys", new { name = "second" });
        using var second = host.Client((string)made["secret"]!);
        var listed = await GetAsync(second, "/api/v1/api-keys");
        var first = listed["items"]!.AsArray().Single(item => (string)item!["name"]! == "first")!["id"];
        using var revoked = await Expect.DeleteAsync(second, $"/api/v1/api-keys/{made["id"]}");
        Assert.Equal(HttpStatusCode.NoContent, revoked.StatusCode);
        using var refused = await Expect.DeleteAsync(host.Admin, $"/api/v1/api-keys/{first}");
        await Expect.ProblemAsync(refused, HttpStatusCode.Conflict, "conflict");
    }

    [Fact]
    public async Task Signing_keys_rotate_without_showing_themselves()
    {
        var before = await GetAsync(host.Admin, "/api/v1/signing-keys");
        var rotated = await PostAsync(host.Admin, "/api/v1/signing-keys", new { });

        Assert.Equal((int)before["items"]![0]!["version"]! + 1, (int)rotated["version"]!);
        Assert.False((bool)rotated["signs"]!);
        Assert.Equal(["version", "createdAt", "signsFrom", "signs"], rotated.Select(member => member.Key));
        var after = await GetAsync(host.Admin, "/api/v1/signing-keys");
        Assert.Single(after["items"]!.AsArray(), item => (bool)item!["signs"]!);
    }

    private static byte[] Hash(string secret)
    {
        Assert.True(ApiKeySecret.TryHash(secret, out var hash));
        return hash;
    }

    private IEnumerable<(HttpMethod Method, string Path)> Requests(string cluster) =>
        host.ApiRoutes.Select(route => (Method(route), Path(route, cluster)));

    private static HttpMethod Method(RouteEndpoint route) =>
        new(route.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Single());

    private static string Path(RouteEndpoint route, string cluster) =>
        "/" + string.Join('/', route.RoutePattern.PathSegments.Select(segment => segment.Parts[0] switch
        {
            Microsoft.AspNetCore.Routing.Patterns.RoutePatternLiteralPart literal => literal.Content,
            Microsoft.AspNetCore.Routing.Patterns.RoutePatternParameterPart { Name: "cluster" } => cluster,
            _ => "0123456789abcdef01",
        }));

    private static async Task<HttpResponseMessage> SendAsync(HttpClient client, HttpMethod method, string path)
    {
        // Without a body and with an invalid query, because the key is checked before anything else.
        using var request = new HttpRequestMessage(method, path + "?limit=wrong");
        return await client.SendAsync(request);
    }

    private static async Task<(HttpStatusCode Status, string Body, string Headers)> AnswerAsync(
        HttpClient client, HttpMethod method, string path, string cluster)
    {
        using var response = await SendAsync(client, method, path);
        var problem = JsonNode.Parse(await response.Content.ReadAsStringAsync())!.AsObject();
        problem.Remove("traceId");
        return (
            response.StatusCode,
            problem.ToJsonString().Replace(cluster, "*", StringComparison.Ordinal),
            string.Join(';', response.Headers.Select(header => header.Key).Order(StringComparer.Ordinal)));
    }
}

using System.Net.Http.Json;
using System.Text.Json.Nodes;
using static Tracking.Functional.Tests.Management.ManagementHost;

namespace Tracking.Functional.Tests.Management.Domains;

/// <summary>A new cluster and its tracking domains, by the API.</summary>
internal sealed class DomainClient(ManagementHost host, HttpClient client, string cluster) : IDisposable
{
    public string Cluster => cluster;

    public HttpClient Client => client;

    public string Path => $"/api/v1/clusters/{cluster}/tracking-domains";

    public static async Task<DomainClient> CreateAsync(ManagementHost host)
    {
        var (cluster, key) = await host.CreateClusterAsync();
        return new DomainClient(host, host.Client(key), cluster);
    }

    /// <summary>A name that no other test has.</summary>
    public static string NewName() => $"track.t{Guid.NewGuid():N}.com";

    public async Task<JsonObject> AddAsync(string? hostname = null) =>
        await PostAsync(client, Path, new { hostname = hostname ?? NewName() });

    /// <summary>Adds a verified name, with the row as a verifier stores it.</summary>
    public async Task<string> AddActiveAsync(string? hostname = null, bool hasCertificate = true)
    {
        var name = (string)(await AddAsync(hostname))["hostname"]!;
        await ActivateAsync(name, hasCertificate);
        return name;
    }

    public Task ActivateAsync(string name, bool hasCertificate = true) => host.ExecuteAsync(
        """
        UPDATE domains.tracking_domains SET status = 1, status_since = now(), verified_at = now(),
            certificate_until = CASE WHEN $2 THEN now() + interval '40 days' END
        WHERE hostname = $1 AND deleted_at IS NULL
        """,
        name,
        hasCertificate);

    /// <summary>Stores a check as a verifier does.</summary>
    public Task StoreCheckAsync(string name, string diagnosis) => host.ExecuteAsync(
        """
        UPDATE domains.tracking_domains SET last_check = $2::jsonb, last_checked_at = clock_timestamp()
        WHERE hostname = $1 AND deleted_at IS NULL
        """,
        name,
        diagnosis);

    /// <summary>Allows a check at once, as if the last one were long ago.</summary>
    public Task AskedLongAgoAsync(string name) => host.ExecuteAsync(
        "UPDATE domains.tracking_domains SET check_requested_at = NULL WHERE hostname = $1", name);

    public Task<JsonObject> GetAsync(string name) => ManagementHost.GetAsync(client, $"{Path}/{name}");

    public Task<JsonObject> ListAsync(string query = "") => ManagementHost.GetAsync(client, Path + query);

    public async Task<string[]> NamesAsync(string query = "") =>
        [.. (await ListAsync(query))["items"]!.AsArray().Select(item => (string)item!["hostname"]!)];

    public Task<HttpResponseMessage> PatchAsync(string name, string json) =>
        Expect.PatchAsync(client, $"{Path}/{name}", json);

    public Task<HttpResponseMessage> DeleteAsync(string name, string query = "") =>
        client.DeleteAsync($"{Path}/{name}{query}");

    public Task<HttpResponseMessage> SetDefaultAsync(string name) =>
        client.PutAsync($"{Path}/{name}/default", null);

    public Task<HttpResponseMessage> VerifyAsync(string name) => client.PostAsync($"{Path}/{name}/verify", null);

    public Task<HttpResponseMessage> CheckAsync(object body) =>
        client.PostAsJsonAsync("/api/v1/tracking-domains/check", body);

    public void Dispose() => client.Dispose();
}

using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Tracking.Servers;

namespace Tracking.System.Tests;

/// <summary>A client of the HTTP API.</summary>
/// <param name="api">The API's address.</param>
/// <param name="key">An API key.</param>
/// <param name="rewrite">The address for rewriting; needed without a gateway.</param>
internal sealed class ApiClient(Uri api, string key, Uri? rewrite = null) : IDisposable
{
    private readonly HttpClient _http = new()
    {
        BaseAddress = api,
        DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", key) },
    };

    public async Task<string> CreateClusterAsync(string name, params string[] sendingDomains)
    {
        using var response = await _http.PostAsJsonAsync(
            "/api/v1/clusters",
            new { name, sendingDomains, settings = new { trackClicks = true, trackOpens = true } });
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        return (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString()!;
    }

    /// <summary>Makes a key for this cluster only.</summary>
    public async Task<string> CreateKeyAsync(string cluster)
    {
        using var response = await _http.PostAsJsonAsync($"/api/v1/clusters/{cluster}/api-keys", new { name = "mta" });
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        return (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("secret").GetString()!;
    }

    public async Task<(byte[] Message, HttpResponseHeaders Headers)> RewriteAsync(
        string cluster, byte[] message, params (string Name, string Value)[] headers)
    {
        using var request = RewriteRequest($"api/v1/clusters/{cluster}/rewrite", message, headers);
        using var response = await _http.SendAsync(request);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
        return (await response.Content.ReadAsByteArrayAsync(), response.Headers);
    }

    public async Task<JsonElement> ExplainAsync(string cluster, byte[] message)
    {
        using var request = RewriteRequest($"api/v1/clusters/{cluster}/rewrite?dryRun=true", message, []);
        using var response = await _http.SendAsync(request);
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    /// <summary>Every event of a cluster, by the streaming form.</summary>
    public async Task<List<JsonElement>> EventsAsync(string cluster) =>
        await TryEventsAsync(cluster) ?? throw new HttpRequestException("503", null, HttpStatusCode.ServiceUnavailable);

    /// <inheritdoc cref="EventsAsync"/>
    /// <returns><see langword="null"/> when the server asks to come back later.</returns>
    public async Task<List<JsonElement>?> TryEventsAsync(string cluster)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/clusters/{cluster}/events")
        {
            Headers = { Accept = { new MediaTypeWithQualityHeaderValue("application/x-ndjson") } },
        };
        using var response = await _http.SendAsync(request);
        if (response is { StatusCode: HttpStatusCode.ServiceUnavailable, Headers.RetryAfter: not null })
        {
            return null;
        }

        response.EnsureSuccessStatusCode();
        var lines = (await response.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return [.. lines.Select(line => JsonDocument.Parse(line).RootElement)];
    }

    /// <summary>Sends JSON or an empty body, and reads JSON with any status.</summary>
    public async Task<(HttpStatusCode Status, JsonElement Body)> SendAsync(
        HttpMethod method, string path, object? body = null)
    {
        using var request = new HttpRequestMessage(method, path)
        {
            Content = body is null ? null : JsonContent.Create(body),
        };
        using var response = await _http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return (response.StatusCode, text.Length == 0 ? default : JsonDocument.Parse(text).RootElement);
    }

    public Task<JsonElement> GetAsync(string path) => _http.GetFromJsonAsync<JsonElement>(path);

    /// <summary>Polls until the condition holds. Fails with the last state after the deadline.</summary>
    public async Task<List<JsonElement>> WaitForEventsAsync(string cluster, Func<List<JsonElement>, bool> condition)
    {
        List<JsonElement> events = [];
        await Eventually.HoldsAsync(
            async () => condition(events = await EventsAsync(cluster)),
            "the events are stored",
            CancellationToken.None);
        return events;
    }

    public void Dispose() => _http.Dispose();

    private HttpRequestMessage RewriteRequest(
        string path, byte[] message, (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(rewrite ?? api, path))
        {
            Content = new ByteArrayContent(message) { Headers = { ContentType = new("message/rfc822") } },
        };
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return request;
    }
}

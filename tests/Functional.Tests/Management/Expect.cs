using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Tracking.Functional.Tests.Management;

internal static class Expect
{
    /// <summary>Checks that the answer is this problem and that its detail contains the texts.</summary>
    public static async Task<JsonObject> ProblemAsync(
        HttpResponseMessage response, HttpStatusCode status, string type, params string[] texts)
    {
        var body = await response.Content.ReadAsStringAsync();
        Assert.True(status == response.StatusCode, $"{response.StatusCode}: {body}");
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = JsonNode.Parse(body)!.AsObject();
        Assert.Equal("urn:tracking:problem:" + type, (string)problem["type"]!);
        Assert.NotEmpty((string)problem["title"]!);
        var detail = (string)problem["detail"]!;
        Assert.All(texts, text => Assert.Contains(text, detail, StringComparison.Ordinal));
        return problem;
    }

    public static async Task<HttpResponseMessage> PatchAsync(HttpClient client, string path, string json)
    {
        using var content = new StringContent(json, null, "application/merge-patch+json");
        return await client.PatchAsync(path, content);
    }

    public static async Task<HttpResponseMessage> PostTextAsync(
        HttpClient client, string path, string text, string type = "application/json")
    {
        using var content = new StringContent(text, null, type);
        return await client.PostAsync(path, content);
    }

    public static Task<HttpResponseMessage> GetAsync(HttpClient client, string path) => client.GetAsync(path);

    public static Task<HttpResponseMessage> DeleteAsync(HttpClient client, string path) => client.DeleteAsync(path);

    public static async Task<JsonObject> OkAsync(HttpResponseMessage response)
    {
        var json = await response.Content.ReadFromJsonAsync<JsonObject>();
        Assert.True(response.IsSuccessStatusCode, json?.ToJsonString());
        return json!;
    }
}

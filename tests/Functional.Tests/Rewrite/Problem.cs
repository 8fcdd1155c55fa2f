using System.Net;
using System.Text.Json.Nodes;

namespace Tracking.Functional.Tests.Rewrite;

internal static class Problem
{
    /// <summary>Checks that the answer is a problem of this type (any if null) and that its detail contains the
    /// texts.</summary>
    public static async Task IsAsync(
        HttpResponseMessage response, HttpStatusCode status, string? type, params string[] texts)
    {
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(status == response.StatusCode, $"{response.StatusCode}: {body}");
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = JsonNode.Parse(body)!.AsObject();
        Assert.StartsWith("urn:tracking:problem:" + type, (string)problem["type"]!, StringComparison.Ordinal);
        Assert.Equal((int)status, (int)problem["status"]!);
        Assert.NotEmpty((string)problem["title"]!);
        Assert.All(texts, text => Assert.Contains(text, (string)problem["detail"]!, StringComparison.Ordinal));
    }
}

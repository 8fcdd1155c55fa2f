using System.Net;
using System.Net.Http.Headers;
using System.Text;
using static Tracking.Functional.Tests.Management.ManagementHost;

namespace Tracking.Functional.Tests.Management;

[Collection(nameof(ManagementCollection))]
public sealed class ListTests(ManagementHost host)
{
    [Fact]
    public async Task A_list_counts_only_after_it_was_compared_and_replaces_the_one_before()
    {
        var (one, two) = ($"one {Guid.NewGuid():N}", $"two {Guid.NewGuid():N}");
        await AddAsync(one, HttpStatusCode.OK);
        await AddAsync(one, HttpStatusCode.Conflict);
        await AddAsync(two, HttpStatusCode.OK);
        Assert.Equal("shadow", await StateAsync(one));
        await UseAsync(one, HttpStatusCode.Conflict);

        await host.ExecuteAsync("UPDATE ingest.lists SET compared_at = now(), difference = '{\"changed\":3}'");
        await UseAsync(one, HttpStatusCode.OK);
        await UseAsync(one, HttpStatusCode.OK);
        await UseAsync(two, HttpStatusCode.OK);

        Assert.Equal(("replaced", "inForce"), (await StateAsync(one), await StateAsync(two)));
        await UseAsync("none", HttpStatusCode.Conflict);
        Assert.Equal("inForce", await StateAsync(two));
    }

    [Fact]
    public async Task A_list_of_another_name_is_refused()
    {
        using var content = new ByteArrayContent([1]);
        using var response = await host.Admin.PutAsync(
            new Uri("/api/v1/lists/others/1", UriKind.Relative), content, TestContext.Current.CancellationToken);

        await Expect.ProblemAsync(response, HttpStatusCode.BadRequest, "invalid-value", "crawlers or networks");
    }

    private async Task AddAsync(string version, HttpStatusCode expected)
    {
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes("[]"));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        using var response = await host.Admin.PutAsync(
            new Uri($"/api/v1/lists/crawlers/{Uri.EscapeDataString(version)}", UriKind.Relative), content,
            TestContext.Current.CancellationToken);
        Assert.Equal(expected, response.StatusCode);
    }

    private async Task UseAsync(string version, HttpStatusCode expected)
    {
        using var response = await host.Admin.PutAsync(
            new Uri($"/api/v1/lists/crawlers/{Uri.EscapeDataString(version)}/in-force", UriKind.Relative), null,
            TestContext.Current.CancellationToken);
        Assert.Equal(expected, response.StatusCode);
    }

    private async Task<string> StateAsync(string version) =>
        (string)(await GetAsync(host.Admin, "/api/v1/lists"))["items"]!.AsArray()
            .Single(list => (string)list!["version"]! == version)!["state"]!;
}

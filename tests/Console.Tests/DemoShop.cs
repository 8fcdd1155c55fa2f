using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Microsoft.Playwright;
using Tracking.Servers;

namespace Tracking.Console.Tests;

/// <summary>The demo shop of <c>./run --demo</c>, and <c>trackctl demo</c>.</summary>
public sealed class DemoShop(Running running)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_demo_begins_with_two_weeks_of_people_and_machines()
    {
        await using var server = await StandaloneProcess.StartAsync(
            Cancelled, settings: new Dictionary<string, string>
            {
                ["TRACKING_DEMO"] = "true",
                // No resolver listens there, so the shop's name waits for its record without real DNS.
                ["Tracking__Dns__Resolvers__0"] = "127.0.0.1:9",
            });
        Assert.Contains("two weeks with", server.Output, StringComparison.Ordinal);
        using var api = new HttpClient { BaseAddress = server.Api };
        api.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", server.AdminKey);
        var cluster = (string)(await ReadAsync(api, "clusters"))["items"]![0]!["id"]!;

        // Each week has events of people and machines.
        foreach (var verdict in new[] { "human", "proxy", "prefetch", "scanner", "preview" })
        {
            Assert.NotEmpty(
                (await ReadAsync(api, $"clusters/{cluster}/events?limit=1&verdict={verdict}"))["items"]!.AsArray());
        }

        await using var visit = await Visit.BeginAsync(running, address: server.Api);
        await visit.SignInAsync(server.AdminKey, $"/clusters/{cluster}");
        await visit.Page.GetByText("on the week before").First.WaitForAsync();
        Assert.Equal(0, await visit.Page.GetByText("Nothing").CountAsync());
        await visit.AssertAccessibleAsync();
        await visit.PictureAsync("demo-overview");

        // A message's timeline begins with its sending, so there is no earlier event.
        await visit.Page.GotoAsync($"/clusters/{cluster}/messages");
        await visit.Page.Locator("a.row").First.ClickAsync();
        await visit.Page.GetByRole(AriaRole.Heading, new() { Name = "What happened with it" }).WaitForAsync();

        // Another start finds the existing demo.
        Assert.Equal(0, await server.StopAsync(Cancelled));
        await server.RestartAsync(Cancelled);
        Assert.Contains("is there from before", server.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_demo_on_a_running_server_goes_through_its_api_and_its_edge()
    {
        var name = $"Demo {Guid.NewGuid()}";
        var (exit, output) = await DemoAsync(name);
        Assert.True(exit == 0, output);
        var address = output.Split(' ').Single(word => word.Contains("/clusters/", StringComparison.Ordinal));
        var cluster = new Uri(address.Split('\n')[^1]).Segments[^1];
        using var api = running.Client(running.Server.AdminKey);
        await Eventually.HoldsAsync(
            async () => (await ReadAsync(api, $"clusters/{cluster}/events?limit=500"))["items"]!.AsArray().Count > 300,
            "the edge's events are stored",
            Cancelled);

        (exit, output) = await DemoAsync(name);
        Assert.NotEqual(0, exit);
        Assert.Contains("already", output, StringComparison.Ordinal);
    }

    private async Task<(int Exit, string Output)> DemoAsync(string name)
    {
        using var process = Process.Start(new ProcessStartInfo(BuiltPrograms.Cli, ["demo", "--name", name])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                ["TRACKING_URL"] = running.Server.Api.ToString(), ["TRACKING_KEY"] = running.Server.AdminKey,
            },
        })!;
        var error = process.StandardError.ReadToEndAsync(Cancelled);
        var output = await process.StandardOutput.ReadToEndAsync(Cancelled);
        await process.WaitForExitAsync(Cancelled);
        return (process.ExitCode, output + await error);
    }

    private static async Task<JsonObject> ReadAsync(HttpClient api, string path) =>
        JsonNode.Parse(await api.GetStringAsync($"/api/v1/{path}", Cancelled))!.AsObject();
}

using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.Playwright;
using Npgsql;
using Tracking.Console.Tests;
using Tracking.Servers;

[assembly: AssemblyFixture(typeof(Running))]

namespace Tracking.Console.Tests;

/// <summary>One Standalone with data, and one browser, for all tests.</summary>
public sealed class Running : IAsyncLifetime
{
    private IPlaywright _playwright = null!;

    public StandaloneProcess Server { get; private set; } = null!;

    public IBrowser Browser { get; private set; } = null!;

    public HttpClient Admin { get; private set; } = null!;

    public NpgsqlDataSource Database { get; private set; } = null!;

    /// <summary>A shop with mail, and events of people and machines.</summary>
    public SomeShop Shop { get; private set; } = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var port = FreePort.Take(1)[0];
        Server = await StandaloneProcess.StartAsync(Cancelled, settings: new Dictionary<string, string>
        {
            ["TRACKING_HTTP_PORT"] = $"{port}",
            ["Tracking__Console__Services__0"] = $"http://127.0.0.1:{port}",
            // No service listens there.
            ["Tracking__Console__Services__1"] = "http://127.0.0.1:9",
            ["Tracking__Console__LiveEvery"] = "00:00:00.2",
            // No resolver listens there, so the domains' rows stay as the tests wrote them.
            ["Tracking__Dns__Resolvers__0"] = "127.0.0.1:9",
            // The tests send requests faster than people.
            ["Tracking__Management__TimeShare"] = "100",
        });
        Admin = Client(Server.AdminKey);
        Database = NpgsqlDataSource.Create(Server.DatabaseConnection);
        Shop = await SomeShop.OpenAsync(this);
        _playwright = await Playwright.CreateAsync();
        Browser = await _playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = FindChromium(),
            Args = ["--no-sandbox"],
        });
    }

    public async ValueTask DisposeAsync()
    {
        await Browser.DisposeAsync();
        _playwright.Dispose();
        Admin.Dispose();
        await Database.DisposeAsync();
        await Server.DisposeAsync();
    }

    public HttpClient Client(string key) => new()
    {
        BaseAddress = Server.Api,
        DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", key) },
    };

    /// <summary>Makes a new cluster with its own key.</summary>
    public async Task<(string Id, string Key)> CreateClusterAsync(string name, bool isTracking = true)
    {
        var created = await PostAsync(
            "/api/v1/clusters", new { name, settings = new { trackClicks = isTracking, trackOpens = isTracking } });
        var id = (string)created["id"]!;
        var key = await PostAsync($"/api/v1/clusters/{id}/api-keys", new { name = "Console" });
        return (id, (string)key["secret"]!);
    }

    public async Task<JsonObject> PostAsync(string path, object body)
    {
        using var answer = await Admin.PostAsJsonAsync(path, body, Cancelled);
        var json = await answer.Content.ReadFromJsonAsync<JsonObject>(Cancelled);
        Assert.True(answer.IsSuccessStatusCode, json?.ToJsonString());
        return json!;
    }

    public async Task ExecuteAsync(string sql, params object?[] values)
    {
        await using var command = Database.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value ?? DBNull.Value });
        }

        await command.ExecuteNonQueryAsync(Cancelled);
    }

    private static string FindChromium() =>
        new[] { "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome" }.First(File.Exists);
}

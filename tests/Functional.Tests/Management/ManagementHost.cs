using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using Tracking.Api;
using Tracking.Links;
using Tracking.Management;
using Tracking.Servers;
using Tracking.ServiceDefaults;

namespace Tracking.Functional.Tests.Management;

/// <summary>The API in its program's composition, on its own port, with a real PostgreSQL.</summary>
public sealed class ManagementHost(TestPostgres server) : IAsyncLifetime
{
    private WebApplication _app = null!;
    private NpgsqlDataSource _beside = null!;

    /// <summary>Acts as the verifier. Without an entry for a name it does nothing.</summary>
    internal FakeVerifier Verifier { get; } = new();

    /// <summary>Settings in addition to the usual ones.</summary>
    public Dictionary<string, string?> Settings { get; init; } = [];

    public string AdminKey { get; private set; } = null!;

    public Uri Url { get; private set; } = null!;

    /// <summary>Sends as admin.</summary>
    public HttpClient Admin { get; private set; } = null!;

    public IServiceProvider Services => _app.Services;

    /// <summary>The test's own connections.</summary>
    public NpgsqlDataSource DataSource => _beside;

    public IEnumerable<RouteEndpoint> ApiRoutes => Services.GetRequiredService<EndpointDataSource>().Endpoints
        .OfType<RouteEndpoint>()
        .Where(endpoint => endpoint.RoutePattern.RawText!.TrimStart('/').StartsWith("api/", StringComparison.Ordinal));

    public async ValueTask InitializeAsync()
    {
        var database = new NpgsqlConnectionStringBuilder(await server.CreateDatabaseAsync(CancellationToken.None))
        {
            // Another time zone than UTC, because answers must be in UTC anyway.
            Timezone = "Europe/Berlin",
        };
        await FirstKey.MakeAsync(database.ConnectionString);
        _beside = NpgsqlDataSource.Create(database);
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:tracking"] = ServiceLogins.Of(database.ConnectionString, "management"),
            ["Tracking:DirectoryRefresh"] = "00:01:00",
            ["Tracking:MasterKey"] = Convert.ToBase64String(new byte[MasterKey.Size]),
        });
        builder.Configuration.AddInMemoryCollection(Settings);
        builder.AddServiceDefaults();
        builder.AddManagement();
        Verifier.AddTo(builder);
        _app = builder.Build();
        _app.MapServiceDefaults();
        _app.MapManagement();
        await _app.StartAsync();
        Url = new Uri(_app.Urls.Single());
        AdminKey = await InsertAdminKeyAsync();
        Admin = Client(AdminKey);
    }

    public async ValueTask DisposeAsync()
    {
        Admin.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        await _beside.DisposeAsync();
    }

    public HttpClient Client(string? key)
    {
        var client = new HttpClient { BaseAddress = Url };
        if (key is not null)
        {
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }

        return client;
    }

    /// <summary>A new cluster and a key of its own.</summary>
    public async Task<(string Cluster, string Key)> CreateClusterAsync()
    {
        var created = await PostAsync(Admin, "/api/v1/clusters", new { name = $"Cluster {Guid.NewGuid()}" });
        var cluster = (string)created["id"]!;
        var key = await PostAsync(Admin, $"/api/v1/clusters/{cluster}/api-keys", new { name = "test" });
        return (cluster, (string)key["secret"]!);
    }

    public static async Task<JsonObject> PostAsync(HttpClient client, string path, object body)
    {
        using var response = await client.PostAsJsonAsync(path, body);
        var json = await response.Content.ReadFromJsonAsync<JsonObject>();
        Assert.True(response.IsSuccessStatusCode, json?.ToJsonString());
        return json!;
    }

    public static async Task<JsonObject> GetAsync(HttpClient client, string path)
    {
        using var response = await client.GetAsync(path);
        var json = await response.Content.ReadFromJsonAsync<JsonObject>();
        Assert.True(response.IsSuccessStatusCode, json?.ToJsonString());
        return json!;
    }

    public async Task ExecuteAsync(string sql, params object?[] values)
    {
        await using var command = DataSource.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value ?? DBNull.Value });
        }

        await command.ExecuteNonQueryAsync();
    }

    private async Task<string> InsertAdminKeyAsync()
    {
        var secret = ApiKeySecret.Create();
        _ = ApiKeySecret.TryHash(secret, out var hash);
        await ExecuteAsync(
            "INSERT INTO management.api_keys (id, name, secret_hash) VALUES ($1, 'first', $2)", Guid.NewGuid(), hash);
        return secret;
    }
}

/// <summary>One host for all tests of the API. Every test makes its own clusters.</summary>
[CollectionDefinition(nameof(ManagementCollection))]
public sealed class ManagementCollection : ICollectionFixture<ManagementHost>;

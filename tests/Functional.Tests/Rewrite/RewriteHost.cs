using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using Tracking.Api;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management;
using Tracking.Milter;
using Tracking.Rewrite;
using Tracking.Servers;
using Tracking.ServiceDefaults;
using Tracking.SmtpFilter;

namespace Tracking.Functional.Tests.Rewrite;

/// <summary>Rewriter and API in their programs' composition, with their own port and database.</summary>
internal sealed class RewriteHost : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly NpgsqlDataSource _beside;

    private RewriteHost(WebApplication app, NpgsqlDataSource beside, string adminKey)
    {
        (_app, _beside) = (app, beside);
        Url = new Uri(app.Urls.Single());
        Admin = Client(adminKey);
    }

    public Uri Url { get; }

    /// <summary>Sends as admin.</summary>
    public HttpClient Admin { get; }

    public IServiceProvider Services => _app.Services;

    /// <summary>The test's own connections.</summary>
    public NpgsqlDataSource Beside => _beside;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <param name="database">The database that the test reads.</param>
    /// <param name="settings">Settings such as <c>Tracking:Rewrite:…</c>; <c>ConnectionStrings:tracking</c> for a proxy
    /// of the database.</param>
    public static async Task<RewriteHost> StartAsync(string database, params (string Key, string Value)[] settings)
    {
        await FirstKey.MakeAsync(database);
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:tracking"] = database,
            ["Tracking:MasterKey"] = Convert.ToBase64String(new byte[MasterKey.Size]),
        });
        builder.Configuration.AddInMemoryCollection(
            settings.Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value)));
        builder.Configuration["ConnectionStrings:tracking"] = ServiceLogins.Of(
            builder.Configuration["ConnectionStrings:tracking"]!, ServiceLogins.RewriteAndManagement);
        builder.AddServiceDefaults();
        builder.AddManagement();
        builder.AddRewrite();
        builder.AddSmtpFilter();
        builder.AddMilter();
        var app = builder.Build();
        app.MapServiceDefaults();
        app.MapManagement();
        app.MapRewrite();
        await app.StartAsync(Cancelled);

        var beside = NpgsqlDataSource.Create(database);
        var secret = ApiKeySecret.Create();
        _ = ApiKeySecret.TryHash(secret, out var hash);
        await using var command = beside.CreateCommand(
            "INSERT INTO management.api_keys (id, name, secret_hash) VALUES ($1, 'first', $2)");
        command.Parameters.Add(new() { Value = Guid.NewGuid() });
        command.Parameters.Add(new() { Value = hash });
        await command.ExecuteNonQueryAsync(Cancelled);
        return new RewriteHost(app, beside, secret);
    }

    public async ValueTask DisposeAsync()
    {
        Admin.Dispose();
        await _app.DisposeAsync();
        await _beside.DisposeAsync();
    }

    public Task StopAsync() => _app.StopAsync(Cancelled);

    public HttpClient Client(string? key)
    {
        var client = new HttpClient { BaseAddress = Url };
        if (key is not null)
        {
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }

        return client;
    }

    /// <summary>A new cluster that tracks clicks and opens, unless the settings say otherwise.</summary>
    public async Task<ClusterId> CreateClusterAsync(ClusterSettings? settings = null)
    {
        var cluster = ClusterId.NewRandom();
        await ExecuteAsync(
            "INSERT INTO management.clusters (id, name, settings) VALUES ($1, $2, $3::jsonb)",
            cluster.Value,
            $"Cluster {cluster}",
            JsonSerializer.Serialize(
                settings ?? new ClusterSettings { TrackClicks = true, TrackOpens = true }, ClusterSettings.Json));
        await Services.GetRequiredService<ClusterDirectory>().RefreshAsync(Cancelled);
        return cluster;
    }

    public async Task<string> CreateKeyAsync(ClusterId cluster)
    {
        var secret = ApiKeySecret.Create();
        _ = ApiKeySecret.TryHash(secret, out var hash);
        await ExecuteAsync(
            "INSERT INTO management.api_keys (id, cluster_id, name, secret_hash) VALUES ($1, $2, 'own', $3)",
            Guid.NewGuid(), cluster.Value, hash!);
        return secret;
    }

    /// <summary>Sends a message with headers.</summary>
    public async Task<HttpResponseMessage> RewriteAsync(
        ClusterId cluster, string message, params (string Name, string Value)[] headers)
    {
        using var request = Request($"/api/v1/clusters/{cluster}/rewrite", Mail.Bytes(message), headers);
        return await Admin.SendAsync(request, Cancelled);
    }

    /// <summary>Sends a message that must be accepted.</summary>
    /// <returns>The rewritten message.</returns>
    public async Task<string> AcceptedAsync(
        ClusterId cluster, string message, params (string Name, string Value)[] headers)
    {
        using var response = await RewriteAsync(cluster, message, headers);
        var body = Mail.Text(await response.Content.ReadAsByteArrayAsync(Cancelled));
        Assert.True(response.IsSuccessStatusCode, $"{response.StatusCode}: {body}");
        return body;
    }

    public async Task<JsonObject> DryRunAsync(
        ClusterId cluster, string message, params (string Name, string Value)[] headers)
    {
        using var request = Request($"/api/v1/clusters/{cluster}/rewrite?dryRun=true", Mail.Bytes(message), headers);
        using var response = await Admin.SendAsync(request, Cancelled);
        var body = await response.Content.ReadAsStringAsync(Cancelled);
        Assert.True(response.IsSuccessStatusCode, body);
        return JsonNode.Parse(body)!.AsObject();
    }

    public static HttpRequestMessage Request(
        string path, byte[] body, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("message/rfc822");
        foreach (var (name, value) in headers)
        {
            Assert.True(request.Headers.TryAddWithoutValidation(name, value));
        }

        return request;
    }

    public async Task ExecuteAsync(string sql, params object[] values)
    {
        await using var command = Command(sql, values);
        await command.ExecuteNonQueryAsync(Cancelled);
    }

    public async Task<T> ScalarAsync<T>(string sql, params object[] values)
    {
        await using var command = Command(sql, values);
        return await command.ExecuteScalarAsync(Cancelled) is T value ? value : default!;
    }

    public Task<long> CountAsync(string table) => ScalarAsync<long>($"SELECT count(*) FROM {table}");

    /// <summary>The number of destinations and messages together.</summary>
    public async Task<long> StoredAsync() =>
        await CountAsync("links.destinations") + await CountAsync("rewrite.messages");

    /// <summary>Locks a table until the transaction ends; with <c>EXCLUSIVE</c> others can still read.</summary>
    public async Task<HeldLock> LockAsync(string table, string mode = "ACCESS EXCLUSIVE")
    {
        var connection = await Beside.OpenConnectionAsync(Cancelled);
        var transaction = await connection.BeginTransactionAsync(Cancelled);
        await using var command = new NpgsqlCommand($"LOCK TABLE {table} IN {mode} MODE", connection);
        await command.ExecuteNonQueryAsync(Cancelled);
        return new HeldLock(connection, transaction);
    }

    /// <summary>Whether a connection waits for a lock.</summary>
    public async Task<bool> SomebodyWaitsAsync() => await ScalarAsync<long>(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()") > 0;

    private NpgsqlCommand Command(string sql, object[] values)
    {
        var command = Beside.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        return command;
    }

    /// <summary>A lock on a table. Disposal releases it.</summary>
    public sealed class HeldLock(NpgsqlConnection connection, NpgsqlTransaction transaction) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await transaction.DisposeAsync();
            await connection.DisposeAsync();
        }
    }
}

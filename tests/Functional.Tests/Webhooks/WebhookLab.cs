using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.EventIngest.Webhooks;
using Tracking.Functional.Tests.EventIngest;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Links;
using Tracking.Servers;
using Tracking.Webhooks;

namespace Tracking.Functional.Tests.Webhooks;

/// <summary>A database with events and the delivery of webhooks, with a clock that a test moves.</summary>
internal sealed class WebhookLab : IAsyncDisposable
{
    private static readonly byte[] _masterKey = new byte[MasterKey.Size];

    private readonly WebhookConnections _connections;
    private readonly SendWebhook _send;
    private readonly OpenSecrets _secrets;
    private readonly TimeProvider _time;
    private readonly MasterKey _key = new(_masterKey);
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private long _sequence;

    private WebhookLab(
        IngestDatabase database,
        WebhookOptions options,
        TimeProvider time,
        Func<string, CancellationToken, Task<IPAddress[]>> lookUp)
    {
        (Database, Settings, _time) = (database, options, time);
        var wrapped = Options.Create(options);
        _connections = new WebhookConnections(wrapped);
        _secrets = new OpenSecrets(Options.Create(
            new SystemOptions { MasterKey = Convert.ToBase64String(_masterKey) }));
        _send = new SendWebhook(new ConnectToReceiver(new ReceiverAddress(wrapped, time), lookUp), wrapped, time);
        Worker = NewWorker();
        Prune = new PruneDeliveries(
            database.Own, _connections, wrapped, time, NullLogger<PruneDeliveries>.Instance);
        DomainEvents = new EnqueueDomainEvents(
            database.Own, _connections, wrapped, time, NullLogger<EnqueueDomainEvents>.Instance);
    }

    public IngestDatabase Database { get; }

    public WebhookOptions Settings { get; }

    public StandingTime Time => (StandingTime)_time;

    public VisitEndpoints Worker { get; }

    public PruneDeliveries Prune { get; }

    public EnqueueDomainEvents DomainEvents { get; }

    /// <summary>Allows receivers on this machine, unless the test has its own settings.</summary>
    public static async Task<WebhookLab> CreateAsync(
        TestPostgres server,
        WebhookOptions? options = null,
        TimeProvider? time = null,
        Func<string, CancellationToken, Task<IPAddress[]>>? lookUp = null)
    {
        var database = await IngestDatabase.CreateAsync(server);
        if (options is null)
        {
            options = new WebhookOptions { AllowHttp = true, AllowPrivateAddresses = true };
            options.Ports.Add(WebhookOptions.AnyPort);
        }

        var standing = new StandingTime();
        standing.Advance(TimeProvider.System.GetUtcNow() - standing.GetUtcNow());
        return new WebhookLab(database, options, time ?? standing, lookUp ?? ConnectToReceiver.LookUpAsync);
    }

    /// <summary>A second process with the same settings.</summary>
    public VisitEndpoints NewWorker()
    {
        var wrapped = Options.Create(Settings);
        var claim = new ClaimEndpoints(Database.Own, _connections, wrapped, _time);
        return new VisitEndpoints(
            claim,
            new DeliverWebhook(
                claim, new KeepVisit(Database.Own, _connections, _time), _send, _secrets,
                ActivatorUtilities.CreateInstance<WebhookTelemetry>(_services), wrapped, _time,
                NullLogger<DeliverWebhook>.Instance)
            {
                NextRandom = () => 0.5,
            },
            Database.Endpoints, _secrets, new WebhooksWaiting(), wrapped, _time, NullLogger<VisitEndpoints>.Instance);
    }

    /// <summary>Adds an endpoint of the lab's cluster. The storing of events knows it.</summary>
    public async Task<(Guid Id, byte[] Secret)> AddEndpointAsync(
        Uri url, byte[]? previousSecret = null, DateTimeOffset? previousUntil = null, params string[] eventTypes)
    {
        var (id, secret) = (Guid.CreateVersion7(), WebhookSecret.Create());
        await Database.ExecuteAsync(
            """
            INSERT INTO webhooks.endpoints (cluster_id, id, url, description, event_types, people_only, sealed_secret,
                previous_sealed_secret, previous_until, created_at)
            VALUES ($1, $2, $3, '', $4, false, $5, $6, $7, now())
            """,
            Database.Cluster.Value, id, url.ToString(), eventTypes, WebhookSecret.Seal(_key, id, secret),
            previousSecret is null ? DBNull.Value : WebhookSecret.Seal(_key, id, previousSecret),
            (object?)previousUntil?.UtcDateTime ?? DBNull.Value);
        await Database.Endpoints.RefreshAsync(TestContext.Current.CancellationToken);
        return (id, secret);
    }

    /// <summary>Stores events. The clock moves to their time if it is behind.</summary>
    /// <returns>Their ids.</returns>
    public async Task<List<Guid>> StoreAsync(int count, LinkKind kind = LinkKind.Click)
    {
        var events = Enumerable.Range(0, count)
            .Select(_ => Database.Event() with { Id = Guid.CreateVersion7(), Kind = kind }).ToList();
        await StoreAsync(SomeEvents.Batch(Database.Edge, _sequence++, events));
        return [.. events.Select(stored => stored.Id!.Value)];
    }

    public async Task StoreAsync(Contracts.StoreEventBatch batch)
    {
        await Database.StoreAsync(batch);
        if (_time is StandingTime time && TimeProvider.System.GetUtcNow() - time.GetUtcNow() is var behind
            && behind > TimeSpan.Zero)
        {
            time.Advance(behind);
        }
    }

    /// <summary>Visits endpoints until nothing is due.</summary>
    public async Task WorkAsync()
    {
        while (await StepAsync() > 0)
        {
            // Repeat while endpoints are due.
        }
    }

    /// <summary>Visits the endpoints that are due, once each.</summary>
    public async Task<int> StepAsync()
    {
        var (visits, _) = await Worker.BeginAsync(CancellationToken.None);
        await Task.WhenAll(visits);
        return visits.Count;
    }

    /// <summary>Moves the time and visits what is due then.</summary>
    public Task AfterAsync(TimeSpan pause)
    {
        Time.Advance(pause);
        return WorkAsync();
    }

    /// <summary>A column of the only delivery.</summary>
    public Task<object?> DeliveryAsync(string column) =>
        Database.ScalarAsync($"SELECT {column} FROM webhooks.deliveries");

    /// <summary>A column of the latest attempt.</summary>
    public Task<object?> AttemptAsync(string column) =>
        Database.ScalarAsync($"SELECT {column} FROM webhooks.attempts ORDER BY at DESC, number DESC LIMIT 1");

    /// <summary>A column of the only endpoint.</summary>
    public Task<object?> EndpointAsync(string column) =>
        Database.ScalarAsync($"SELECT {column} FROM webhooks.endpoints");

    public async ValueTask DisposeAsync()
    {
        Worker.Dispose();
        Prune.Dispose();
        DomainEvents.Dispose();
        _send.Dispose();
        _secrets.Dispose();
        _connections.Dispose();
        _key.Dispose();
        await _services.DisposeAsync();
        await Database.DisposeAsync();
    }
}

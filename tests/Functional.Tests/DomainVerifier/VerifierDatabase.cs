using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Bus;
using Tracking.Contracts;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Domains;
using Tracking.DomainVerifier;
using Tracking.DomainVerifier.Notices;
using Tracking.DomainVerifier.Verification;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.DomainVerifier;

/// <summary>A database with the whole schema, a clock that a test moves, and DNS from the test: a name leads to one
/// target, to none, or the answer is unknown.</summary>
internal sealed class VerifierDatabase : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> _parts = [];
    private readonly string _connectionString;

    private VerifierDatabase(string connectionString)
    {
        _connectionString = connectionString;
        DataSource = NpgsqlDataSource.Create(connectionString);
        _parts.Add(DataSource);
    }

    /// <summary>The service's connection string.</summary>
    public string ServiceConnectionString => ServiceLogins.Of(_connectionString, "verifier");

    /// <summary>The test's own connections.</summary>
    public NpgsqlDataSource DataSource { get; }

    public ManualTime Time { get; } = new();

    public VerifierOptions Settings { get; } = new();

    public SystemOptions System { get; } = new();

    /// <summary>The targets of names. A name that is not in it leads nowhere. An empty target means an unknown answer,
    /// and <c>*</c> means every wanted target.</summary>
    public ConcurrentDictionary<string, string> Dns { get; } = new();

    /// <summary>The header <c>Strict-Transport-Security</c> of sites.</summary>
    public ConcurrentDictionary<string, string?> TransportSecurity { get; } = new();

    /// <summary>The obstacles for visitors of names; none by default.</summary>
    public ConcurrentDictionary<string, DomainFinding> Visits { get; } = new();

    /// <summary>The checked names in order, with their expected targets.</summary>
    public ConcurrentQueue<(string Host, string Target)> Asked { get; } = new();

    /// <summary>An action while DNS is asked about a name; none by default.</summary>
    public Func<HostName, CancellationToken, Task> WhileAsking { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>The changes that were announced to rewriters and edges.</summary>
    public ConcurrentQueue<DirectoryChanged> Announced { get; } = new();

    /// <summary>The published bus events about tracking domains.</summary>
    public ConcurrentQueue<object> Published { get; } = new();

    public NoticeOptions Notices { get; } = new();

    public static async Task<VerifierDatabase> CreateAsync(TestPostgres server) =>
        new(await server.CreateDatabaseAsync(TestContext.Current.CancellationToken));

    /// <summary>A verifier like a separate process.</summary>
    public async Task<OneVerifier> StartAsync()
    {
        var own = NpgsqlDataSource.Create(ServiceConnectionString);
        var verifier = await OneVerifier.StartAsync(this, own);
        _parts.Add(own);
        _parts.Insert(0, verifier);
        return verifier;
    }

    public async Task<ClusterId> AddClusterAsync(params string[] notifyEmails)
    {
        var cluster = ClusterId.NewRandom();
        await ExecuteAsync(
            "INSERT INTO management.clusters (id, name, notify_emails) VALUES ($1, $2, $3)",
            cluster.Value, "Shop " + cluster, notifyEmails);
        return cluster;
    }

    /// <summary>A domain as the API adds it: pending, and due at once.</summary>
    public async Task<Guid> AddDomainAsync(
        ClusterId cluster, string hostname, bool wantsDefault = false, string? target = null)
    {
        var id = Guid.CreateVersion7(Time.GetUtcNow());
        var now = Time.GetUtcNow().UtcDateTime;
        await ExecuteAsync(
            """
            INSERT INTO domains.tracking_domains
                (id, cluster_id, hostname, target, wants_default, status_since, created_at, next_check_at)
            VALUES ($1, $2, $3, $4, $5, $6, $6, $6)
            """,
            id, cluster.Value, hostname, target ?? $"v-{id:N}.track.test.net", wantsDefault, now);
        return id;
    }

    /// <summary>A domain that has been verified.</summary>
    public async Task<Guid> AddActiveAsync(
        OneVerifier verifier, ClusterId cluster, string hostname, bool wantsDefault = false)
    {
        var id = await AddDomainAsync(cluster, hostname, wantsDefault);
        Dns[hostname] = TargetOf(id);
        await verifier.CheckDueAsync();
        Assert.Equal(DomainStatus.Active, (await ReadAsync(id)).Status);
        return id;
    }

    public static string TargetOf(Guid domain) => $"v-{domain:N}.track.test.net";

    /// <summary>Requests a check as the API does.</summary>
    public Task AskAsync(Guid domain) => ExecuteAsync(
        "UPDATE domains.tracking_domains SET check_requested_at = $2, next_check_at = $2 WHERE id = $1",
        domain, Time.GetUtcNow().UtcDateTime);

    public async Task<TrackingDomain> ReadAsync(Guid domain)
    {
        await using var command = DataSource.CreateCommand(
            """
            SELECT id, cluster_id, hostname, target, status, is_default, wants_default, strikes, struck_at,
                last_checked_at, next_check_at, check_requested_at, pending_checks, last_check::text, status_since,
                leased_by, leased_until, verified_at
            FROM domains.tracking_domains WHERE id = $1
            """);
        command.Parameters.Add(new() { Value = domain });
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        Assert.True(await reader.ReadAsync(TestContext.Current.CancellationToken));
        return new TrackingDomain
        {
            Id = reader.GetGuid(0),
            ClusterId = new ClusterId(reader.GetInt32(1)),
            Hostname = reader.GetString(2),
            Target = reader.GetString(3),
            Status = (DomainStatus)reader.GetInt16(4),
            IsDefault = reader.GetBoolean(5),
            WantsDefault = reader.GetBoolean(6),
            Strikes = reader.GetInt16(7),
            StruckAt = At(8),
            LastCheckedAt = At(9),
            NextCheckAt = At(10),
            CheckRequestedAt = At(11),
            PendingChecks = reader.GetInt32(12),
            LastCheck = reader.IsDBNull(13) ? null : reader.GetString(13),
            StatusSince = At(14)!.Value,
            LeasedBy = reader.IsDBNull(15) ? null : reader.GetGuid(15),
            LeasedUntil = At(16),
            VerifiedAt = At(17),
        };

        DateTimeOffset? At(int column) =>
            reader.IsDBNull(column) ? null : reader.GetFieldValue<DateTimeOffset>(column);
    }

    /// <summary>The history of a domain, oldest first: cause, outcome, effect.</summary>
    public Task<List<string>> ChecksAsync(Guid domain) => ListAsync(
        "SELECT concat_ws(' ', cause, outcome, effect) FROM domains.checks WHERE domain_id = $1 ORDER BY at, id",
        domain);

    /// <summary>Notices, oldest first: hostname, kind, reason.</summary>
    public Task<List<string>> NoticesAsync() => ListAsync(
        "SELECT concat_ws(' ', hostname, kind, facts->>'reason') FROM domains.notices ORDER BY at, id");

    public async Task<List<string>> ListAsync(string sql, params object[] parameters)
    {
        await using var command = Command(sql, parameters);
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        var found = new List<string>();
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
        {
            found.Add(reader.GetString(0));
        }

        return found;
    }

    public async Task<T> ScalarAsync<T>(string sql, params object[] parameters)
    {
        await using var command = Command(sql, parameters);
        return (T)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }

    public async Task ExecuteAsync(string sql, params object[] parameters)
    {
        await using var command = Command(sql, parameters);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    public async Task<DomainDiagnosis> LookAsync(HostName host, CancellationToken cancellationToken) =>
        await DiagnoseAsync(host, host, cancellationToken) with
        {
            Outcome = DiagnosisOutcome.Looked,
            Target = null,
            ValueToEnter = null,
        };

    public async Task<DomainDiagnosis> DiagnoseAsync(
        HostName host, HostName target, CancellationToken cancellationToken)
    {
        Asked.Enqueue((host.Value, target.Value));
        var at = Time.GetUtcNow();
        var leadsTo = Dns.GetValueOrDefault(host.Value);
        var isRight = leadsTo == "*" || leadsTo == target.Value;
        await WhileAsking(host, cancellationToken);
        return new DomainDiagnosis
        {
            Host = host,
            Target = target,
            Outcome = leadsTo == "" ? DiagnosisOutcome.NoEvidence
                : isRight ? DiagnosisOutcome.Verified
                : DiagnosisOutcome.Contradicted,
            At = at,
            Findings = isRight
                ? []
                :
                [
                    new DomainFinding
                    {
                        Code = leadsTo is null ? FindingCode.NoRecord
                            : leadsTo == "" ? FindingCode.TimeOut
                            : FindingCode.OtherTarget,
                        Severity = FindingSeverity.Error,
                        Text = leadsTo is null ? $"{host} has no record." : $"{host} leads to {leadsTo}.",
                        At = at,
                    },
                ],
            Hops =
            [
                new DnsHop
                {
                    Purpose = HopPurpose.Walk, Name = host.Value, Type = "CNAME", Transport = "udp",
                    Answers = leadsTo is null ? [] : [$"CNAME {leadsTo}"], At = at,
                },
            ],
            Zone = "example.com",
            NameToEnter = host.Value.Split('.')[0],
            ValueToEnter = target.Value,
            Queries = 1,
        };
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var part in _parts)
        {
            await part.DisposeAsync();
        }
    }

    private NpgsqlCommand Command(string sql, object[] parameters)
    {
        var command = DataSource.CreateCommand(sql);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = parameter });
        }

        return command;
    }
}

/// <summary>The parts of one verifier process. Its loop runs only when a test calls it.</summary>
internal sealed class OneVerifier : IAsyncDisposable
{
    private readonly ServiceProvider _services;

    private OneVerifier(ServiceProvider services) => _services = services;

    public ClaimDomains Claim => _services.GetRequiredService<ClaimDomains>();

    public ClaimNotices ClaimNotices => _services.GetRequiredService<ClaimNotices>();

    public SendNotices Notices => _services.GetRequiredService<SendNotices>();

    public VerifyLeasedDomain Verify => _services.GetRequiredService<VerifyLeasedDomain>();

    public RecheckDomains Recheck => _services.GetRequiredService<RecheckDomains>();

    public IMeterFactory Meters => _services.GetRequiredService<IMeterFactory>();

    public IServiceProvider Services => _services;

    public static async Task<OneVerifier> StartAsync(VerifierDatabase database, NpgsqlDataSource own)
    {
        var services = new ServiceCollection();
        services.AddMetrics();
        services.AddLogging();
        services.AddSingleton<TimeProvider>(database.Time);
        services.AddSingleton(Options.Create(database.Settings));
        services.AddSingleton(Options.Create(database.System));
        services.AddSingleton(own);
        services.AddSingleton<Diagnose>(database.DiagnoseAsync);
        services.AddSingleton<ReadTransportSecurity>((name, _) =>
            Task.FromResult(database.TransportSecurity.GetValueOrDefault(name.Value)));
        services.AddSingleton<AskParents>();
        services.AddSingleton<VisitDomain>((name, _) => Task.FromResult(database.Visits.GetValueOrDefault(name.Value)));
        services.AddSingleton<DomainsWaiting>();
        services.AddSingleton<NoticesWaiting>();
        services.AddSingleton<VerifierTelemetry>();
        services.AddSingleton<ClaimDomains>();
        services.AddSingleton<StoreCheck>();
        services.AddSingleton<VerifyLeasedDomain>();
        services.AddSingleton<RecheckDomains>();
        services.AddSingleton<MeasureBacklog>();
        services.AddSingleton(Options.Create(database.Notices));
        services.AddSingleton<ClaimNotices>();
        services.AddSingleton<PublishNotice>();
        services.AddSingleton<SendNotices>();
        services.AddMassTransit(bus => bus.UsingInMemory((_, transport) =>
            transport.ReceiveEndpoint("announced", queue =>
            {
                queue.Handler<DirectoryChanged>(changed => Keep(database.Announced, changed.Message));
                queue.Handler<TrackingDomainVerified>(told => Keep(database.Published, told.Message));
                queue.Handler<TrackingDomainWarned>(told => Keep(database.Published, told.Message));
                queue.Handler<TrackingDomainLost>(told => Keep(database.Published, told.Message));
            })));
        services.AddSingleton<DirectoryChanges>();
        var provider = services.BuildServiceProvider();
        await provider.GetRequiredService<IBusControl>().StartAsync(TestContext.Current.CancellationToken);
        return new OneVerifier(provider);
    }

    /// <summary>Checks all names that are due now, one after the other.</summary>
    /// <returns>The number of names.</returns>
    public async Task<int> CheckDueAsync()
    {
        var checks = 0;
        while (await Claim.RunAsync(10, TestContext.Current.CancellationToken) is { Count: > 0 } domains)
        {
            foreach (var domain in domains)
            {
                Assert.Equal(
                    StoreCheckOutcome.Stored,
                    (await Verify.RunAsync(domain, TestContext.Current.CancellationToken)).Outcome);
                checks++;
            }
        }

        return checks;
    }

    private static Task Keep<T>(ConcurrentQueue<T> kept, T message)
    {
        kept.Enqueue(message);
        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _services.GetRequiredService<IBusControl>().StopAsync(CancellationToken.None);
        await _services.DisposeAsync();
    }
}

/// <summary>A clock that only a test moves. Its timers use the system's clock.</summary>
internal sealed class ManualTime : TimeProvider
{
    private long _ticks = new DateTime(2026, 3, 14, 9, 26, 53, DateTimeKind.Utc).Ticks;

    public override DateTimeOffset GetUtcNow() => new(Interlocked.Read(ref _ticks), TimeSpan.Zero);

    public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);

    public void MoveTo(DateTimeOffset moment) => Interlocked.Exchange(ref _ticks, moment.UtcTicks);
}

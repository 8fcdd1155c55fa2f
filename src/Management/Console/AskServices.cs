using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.Management.Console;

/// <summary>The state of a service.</summary>
/// <param name="Name">The service's host; <see langword="null"/> for this process.</param>
/// <param name="Status">The status that its health check reports; <see langword="null"/> if it does not answer.</param>
/// <param name="Checks">The state of each dependency, by name.</param>
internal sealed record ServiceState(string? Name, string? Status, IReadOnlyDictionary<string, string> Checks);

/// <summary>Waiting work, read from the database.</summary>
/// <param name="NewestEvent">The time of the newest stored event.</param>
/// <param name="OverdueChecks">Tracking domains whose check is overdue by more than ten minutes.</param>
/// <param name="FailingCertificates">Names without a certificate whose last attempt failed.</param>
internal sealed record WaitingWork(DateTimeOffset? NewestEvent, long OverdueChecks, long FailingCertificates);

/// <summary>Asks every service for its state: this process itself, and the others at the addresses that the operator
/// has configured.</summary>
internal sealed class AskServices(
    HealthCheckService own, ApiDataSource dataSource, IOptions<ConsoleOptions> options) : IDisposable
{
    private const string Work =
        """
        SELECT (SELECT occurred_at FROM ingest.events ORDER BY id DESC LIMIT 1),
            (SELECT count(*) FROM domains.tracking_domains
                WHERE deleted_at IS NULL AND next_check_at < now() - interval '10 minutes'),
            (SELECT count(*) FROM certificates.names WHERE failures > 0 AND certificate_id IS NULL)
        """;

    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false })
    {
        Timeout = options.Value.ServiceTimeout,
    };

    /// <summary>Asks all services at the same time. This process is the first in the list.</summary>
    public async Task<IReadOnlyList<ServiceState>> RunAsync(CancellationToken cancellationToken)
    {
        var others = options.Value.Services.Select(address => AskAsync(new Uri(address), cancellationToken)).ToList();
        var report = await own.CheckHealthAsync(check => check.Tags.Contains(HealthEndpoints.Ready), cancellationToken);
        var here = new ServiceState(
            null,
            report.Status.ToString(),
            report.Entries.ToDictionary(entry => entry.Key, entry => entry.Value.Status.ToString()));
        return [here, .. await Task.WhenAll(others)];
    }

    /// <summary>Reads the waiting work.</summary>
    public async Task<WaitingWork> ReadWorkAsync(CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(Work);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        return new WaitingWork(
            row.IsDBNull(0) ? null : row.GetFieldValue<DateTimeOffset>(0), row.GetInt64(1), row.GetInt64(2));
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private async Task<ServiceState> AskAsync(Uri address, CancellationToken cancellationToken)
    {
        var name = address.IsDefaultPort ? address.Host : $"{address.Host}:{address.Port}";
        try
        {
            // A service that is not ready answers 503 and names the missing dependencies.
            using var answer = await _client.GetAsync(
                new Uri(address, HealthEndpoints.PathPrefix + "ready"), cancellationToken);
            var health = await answer.Content.ReadFromJsonAsync<HealthAnswer>(cancellationToken);
            return health is { Status: not null, Checks: not null }
                ? new ServiceState(name, health.Status, health.Checks)
                : new ServiceState(name, null, new Dictionary<string, string>());
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested
            && exception is HttpRequestException or JsonException
                or OperationCanceledException or InvalidOperationException)
        {
            return new ServiceState(name, null, new Dictionary<string, string>());
        }
    }
}

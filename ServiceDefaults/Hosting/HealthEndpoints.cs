using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;

namespace Tracking.ServiceDefaults.Hosting;

/// <summary>What a health endpoint answers: names and states, no internals, since anyone may ask.</summary>
/// <param name="Status"><c>Healthy</c>, <c>Degraded</c> or <c>Unhealthy</c>.</param>
/// <param name="Checks">The state of each check by its name.</param>
public sealed record HealthAnswer(string Status, IReadOnlyDictionary<string, string> Checks);

/// <summary>The hosts under which health is answered, for a process that answers for others' hosts too. Without one:
/// under every host.</summary>
/// <param name="Names">Host names as they stand in requests.</param>
public sealed record HealthHosts(IReadOnlyList<string> Names);

/// <summary>
/// <c>/health/live</c>: the process answers. <c>/health/ready</c>: everything it needs answers as well. A service adds
/// its own standard <see cref="IHealthCheck"/> with the tag <see cref="Ready"/>.
/// </summary>
public static class HealthEndpoints
{
    /// <summary>The tag of checks that readiness asks; the bus's own check carries it too.</summary>
    public const string Ready = "ready";

    /// <summary>What the paths of both endpoints begin with.</summary>
    public const string PathPrefix = "/health/";

    /// <summary>The name of the database's check.</summary>
    public const string Database = "database";

    /// <summary>
    /// The longest a check may take unless it says otherwise. Orchestrators ask every 10 s and give up after a few;
    /// two seconds are long for a database that is there.
    /// </summary>
    public static readonly TimeSpan CheckTimeout = TimeSpan.FromSeconds(2);

    /// <summary>
    /// The longest an answer may take whatever the checks do: a check that ignores its cancellation must not leave
    /// the probe without one.
    /// </summary>
    public static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(5);

    private static readonly IReadOnlyDictionary<string, string> Empty = new Dictionary<string, string>();

    /// <summary>Adds the checks; the database's where the process has a data source.</summary>
    public static IHostApplicationBuilder AddHealth(this IHostApplicationBuilder builder)
    {
        builder.Services.AddHealthChecks();
        builder.Services.AddSingleton<RecentReadiness>();
        builder.Services.AddSingleton<IConfigureOptions<HealthCheckServiceOptions>, DatabaseCheckRegistration>();
        builder.Services.PostConfigure<HealthCheckServiceOptions>(options =>
        {
            foreach (var check in options.Registrations.Where(c => c.Timeout == Timeout.InfiniteTimeSpan))
            {
                check.Timeout = CheckTimeout;
            }
        });
        return builder;
    }

    /// <summary>Maps both endpoints.</summary>
    public static IEndpointRouteBuilder MapHealth(this IEndpointRouteBuilder endpoints)
    {
        var hosts = endpoints.ServiceProvider.GetService<HealthHosts>()?.Names.ToArray() ?? [];
        endpoints.MapGet(PathPrefix + "live", () => TypedResults.Ok(new HealthAnswer("Healthy", Empty)))
            .WithName("GetLive")
            .WithSummary("Whether the process answers")
            .RequireHost(hosts)
            .AllowAnonymous()
            .DisableHttpMetrics();
        endpoints.MapGet(PathPrefix + "ready", CheckReadyAsync)
            .WithName("GetReady")
            .WithSummary("Whether everything this process needs answers")
            .Produces<HealthAnswer>()
            .Produces<HealthAnswer>(StatusCodes.Status503ServiceUnavailable)
            .RequireHost(hosts)
            .AllowAnonymous()
            .DisableHttpMetrics();
        return endpoints;
    }

    private static async Task<JsonHttpResult<HealthAnswer>> CheckReadyAsync(
        RecentReadiness readiness, CancellationToken cancellationToken)
    {
        var answer = await readiness.AskAsync(cancellationToken);
        return TypedResults.Json(
            answer,
            statusCode: answer.Status == nameof(HealthStatus.Unhealthy)
                ? StatusCodes.Status503ServiceUnavailable
                : null);
    }

    private sealed class DatabaseCheckRegistration(IServiceProviderIsService services)
        : IConfigureOptions<HealthCheckServiceOptions>
    {
        public void Configure(HealthCheckServiceOptions options)
        {
            if (services.IsService(typeof(NpgsqlDataSource)))
            {
                options.Registrations.Add(new(
                    Database, Create, HealthStatus.Unhealthy, [Ready], CheckTimeout));
            }
        }

        private static DatabaseCheck Create(IServiceProvider provider) =>
            new(provider.GetRequiredService<NpgsqlDataSource>());
    }

    private sealed class DatabaseCheck(NpgsqlDataSource database) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(
            HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            // A service that came up before the migrator had run is not ready, whatever the server says of itself.
            return await Migrator.IsAppliedAsync(database, cancellationToken)
                ? HealthCheckResult.Healthy()
                : HealthCheckResult.Unhealthy("the schema is older than this version");
        }
    }
}

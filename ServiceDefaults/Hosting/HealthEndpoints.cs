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

/// <summary>The answer of a health endpoint: names and states, and no internals, because anyone may ask.</summary>
/// <param name="Status"><c>Healthy</c>, <c>Degraded</c> or <c>Unhealthy</c>.</param>
/// <param name="Checks">The state of each check, by name.</param>
public sealed record HealthAnswer(string Status, IReadOnlyDictionary<string, string> Checks);

/// <summary>The hosts of the health endpoints, for a process that also answers for other hosts. Without it health is
/// answered on every host.</summary>
/// <param name="Names">Host names in their request form.</param>
public sealed record HealthHosts(IReadOnlyList<string> Names);

/// <summary>
/// <c>/health/live</c>: the process answers. <c>/health/ready</c>: all necessary parts answer too. A service adds its
/// own standard <see cref="IHealthCheck"/> with the tag <see cref="Ready"/>.
/// </summary>
public static class HealthEndpoints
{
    /// <summary>The tag of the checks for readiness. The bus's own check has it too.</summary>
    public const string Ready = "ready";

    /// <summary>The beginning of both endpoints' paths.</summary>
    public const string PathPrefix = "/health/";

    /// <summary>The name of the database's check.</summary>
    public const string Database = "database";

    /// <summary>
    /// The default for the longest time of a check. Orchestrators ask every 10 s and give up after a few seconds. An
    /// available database answers much faster than in two seconds.
    /// </summary>
    public static readonly TimeSpan CheckTimeout = TimeSpan.FromSeconds(2);

    /// <summary>
    /// The longest time of an answer, whatever the checks do: a check that ignores its cancellation must not leave the
    /// probe without an answer.
    /// </summary>
    public static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(5);

    private static readonly IReadOnlyDictionary<string, string> _empty = new Dictionary<string, string>();

    /// <summary>Adds the checks, with the database's check if the process has a data source.</summary>
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
        endpoints.MapGet(PathPrefix + "live", () => TypedResults.Ok(new HealthAnswer("Healthy", _empty)))
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
            // A service that started before the migrator has run is not ready, even if the server is healthy.
            return await Migrator.IsAppliedAsync(database, cancellationToken)
                ? HealthCheckResult.Healthy()
                : HealthCheckResult.Unhealthy("the schema is older than this version");
        }
    }
}

using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;
using RabbitMQ.Client;
using StackExchange.Redis;

namespace Tracking.AppHost.Engines;

/// <summary>The engines as programs of this machine: <c>eng/engines</c>.</summary>
/// <param name="builder">The system.</param>
/// <param name="data">The folder that contains one folder per engine.</param>
internal sealed class LocalEngines(IDistributedApplicationBuilder builder, string data) : IEngines
{
    private const string BrokerUser = "tracking";

    /// <inheritdoc/>
    public IResourceBuilder<IResourceWithConnectionString> AddPostgres(string name, string database)
    {
        var password = Password(name);
        return Add(name, password, TryPostgresAsync, at => ReferenceExpression.Create(
                $"Host={at.Property(EndpointProperty.Host)};Port={at.Property(EndpointProperty.Port)};Username=postgres;Password={password.Resource};Database={database}"))
            .WithEnvironment("DATABASE", database);
    }

    /// <inheritdoc/>
    public IResourceBuilder<IResourceWithConnectionString> AddRabbitMQ(string name)
    {
        var password = Password(name);
        return Add(name, password, TryRabbitAsync, at => ReferenceExpression.Create(
                $"amqp://{BrokerUser}:{password.Resource}@{at.Property(EndpointProperty.HostAndPort)}"))
            .WithEnvironment("BROKER_USER", BrokerUser)
            .WithHttpEndpoint(name: "management", env: "MANAGEMENT_PORT")
            // These ports connect the nodes of a cluster. This is a single node, but RabbitMQ needs both ports.
            .WithEndpoint(scheme: "tcp", name: "distribution", env: "DISTRIBUTION_PORT")
            .WithEndpoint(scheme: "tcp", name: "port-mapper", env: "PORT_MAPPER_PORT");
    }

    /// <inheritdoc/>
    public IResourceBuilder<IResourceWithConnectionString> AddRedis(string name)
    {
        var password = Password(name);
        return Add(name, password, TryRedisAsync, at => ReferenceExpression.Create(
            $"{at.Property(EndpointProperty.HostAndPort)},password={password.Resource}"));
    }

    private IResourceBuilder<LocalEngine> Add(
        string name,
        IResourceBuilder<ParameterResource> password,
        Func<string, CancellationToken, Task> tryIt,
        Func<EndpointReference, ReferenceExpression> connection)
    {
        var repository = Path.GetFullPath("..", builder.AppHostDirectory);
        var engine = new LocalEngine(name, Path.Combine(repository, "eng", "engines", name), repository, connection);
        builder.Services.AddHealthChecks().AddAsyncCheck(name, async cancellationToken =>
        {
            try
            {
                await tryIt(
                    (await engine.ConnectionStringExpression.GetValueAsync(cancellationToken))!, cancellationToken);
                return HealthCheckResult.Healthy();
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                return HealthCheckResult.Unhealthy(exception.Message);
            }
        });
        return builder.AddResource(engine)
            .WithArgs(Path.Combine(data, name))
            .WithEnvironment("PASSWORD", password)
            .WithEndpoint(scheme: "tcp", name: LocalEngine.Endpoint, env: "PORT")
            .WithHealthCheck(name);
    }

    // Letters and digits are written in the same way in a URI, a connection string and a configuration file. The user's
    // secrets keep the password, so that it opens the data of an earlier start.
    private IResourceBuilder<ParameterResource> Password(string name) => builder.AddParameter(
        $"{name}-password",
        new GenerateParameterDefault { MinLength = 32, Special = false },
        secret: true,
        persist: true);

    private static async Task TryPostgresAsync(string connectionString, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(cancellationToken);
    }

    private static async Task TryRabbitAsync(string connectionString, CancellationToken cancellationToken)
    {
        var factory = new ConnectionFactory { Uri = new Uri(connectionString), AutomaticRecoveryEnabled = false };
        await using var connection = await factory.CreateConnectionAsync(cancellationToken);
    }

    private static async Task TryRedisAsync(string connectionString, CancellationToken cancellationToken)
    {
        await using var connection = await ConnectionMultiplexer.ConnectAsync(connectionString);
        await connection.GetDatabase().PingAsync().WaitAsync(cancellationToken);
    }
}

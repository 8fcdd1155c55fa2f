namespace Tracking.AppHost.Engines;

/// <summary>The engines as containers, with volumes for the data that must be kept.</summary>
internal sealed class ContainerEngines(IDistributedApplicationBuilder builder) : IEngines
{
    /// <inheritdoc/>
    public IResourceBuilder<IResourceWithConnectionString> AddPostgres(string name, string database) => builder
        .AddPostgres(name)
        .WithDataVolume()
        .AddDatabase(database);

    /// <inheritdoc/>
    public IResourceBuilder<IResourceWithConnectionString> AddRabbitMQ(string name) => builder
        .AddRabbitMQ(name)
        .WithDataVolume()
        .WithManagementPlugin()
        // By default RabbitMQ 4 refuses messages above 16 MiB. The JSON form of the largest mail takes twice its 64
        // MiB.
        .WithEnvironment("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-rabbit max_message_size 134217728");

    /// <inheritdoc/>
    public IResourceBuilder<IResourceWithConnectionString> AddRedis(string name) => builder.AddRedis(name);
}

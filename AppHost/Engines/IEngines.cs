namespace Tracking.AppHost.Engines;

/// <summary>Where PostgreSQL, RabbitMQ and Redis come from. The diagram is the same with either.</summary>
internal interface IEngines
{
    /// <summary>A PostgreSQL with an empty database, which the connection string names.</summary>
    IResourceBuilder<IResourceWithConnectionString> AddPostgres(string name, string database);

    /// <summary>A RabbitMQ with its management, which takes messages as large as mail.</summary>
    IResourceBuilder<IResourceWithConnectionString> AddRabbitMQ(string name);

    /// <summary>A Redis that keeps nothing.</summary>
    IResourceBuilder<IResourceWithConnectionString> AddRedis(string name);
}

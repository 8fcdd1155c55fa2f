namespace Tracking.AppHost.Engines;

/// <summary>The source of PostgreSQL, RabbitMQ and Redis. The diagram is the same with either implementation.</summary>
internal interface IEngines
{
    /// <summary>A PostgreSQL with an empty database; the connection string names the database.</summary>
    IResourceBuilder<IResourceWithConnectionString> AddPostgres(string name, string database);

    /// <summary>A RabbitMQ with its management, which accepts messages of the size of mail.</summary>
    IResourceBuilder<IResourceWithConnectionString> AddRabbitMQ(string name);

    /// <summary>A Redis without storage on disk.</summary>
    IResourceBuilder<IResourceWithConnectionString> AddRedis(string name);
}

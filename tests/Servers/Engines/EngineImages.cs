namespace Tracking.Servers.Engines;

/// <summary>The images of the engines: those of <c>deploy/compose</c>.</summary>
public static class EngineImages
{
    /// <summary>PostgreSQL.</summary>
    public const string Postgres = "postgres:18";

    /// <summary>RabbitMQ with its management plugin.</summary>
    public const string Rabbit = "rabbitmq:4-management";

    /// <summary>Redis.</summary>
    public const string Redis = "redis:8";
}

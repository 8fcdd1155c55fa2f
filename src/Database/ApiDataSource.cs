using Npgsql;

namespace Tracking.Database;

/// <summary>
/// The API's own pool of database connections. Every statement has a timeout. The type differs from the mail path's, so
/// that a handler cannot use the mail path's connections by mistake.
/// </summary>
public sealed class ApiDataSource(NpgsqlDataSource connections) : IAsyncDisposable
{
    /// <summary>The data source for EF Core.</summary>
    public NpgsqlDataSource Connections => connections;

    /// <summary>A command on a connection of its own.</summary>
    public NpgsqlCommand CreateCommand(string sql) => connections.CreateCommand(sql);

    /// <summary>Several commands in one round trip.</summary>
    public NpgsqlBatch CreateBatch() => connections.CreateBatch();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => connections.DisposeAsync();
}

using Npgsql;

namespace Tracking.Database;

/// <summary>
/// The database as the API reads it: a pool of its own, and an end to every statement. A type of its own, so that a
/// handler cannot take connections of the mail path by mistake.
/// </summary>
public sealed class ApiDataSource(NpgsqlDataSource connections) : IAsyncDisposable
{
    /// <summary>For EF Core.</summary>
    public NpgsqlDataSource Connections => connections;

    /// <summary>A command on a connection of its own.</summary>
    public NpgsqlCommand CreateCommand(string sql) => connections.CreateCommand(sql);

    /// <summary>Several commands in one round trip.</summary>
    public NpgsqlBatch CreateBatch() => connections.CreateBatch();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => connections.DisposeAsync();
}

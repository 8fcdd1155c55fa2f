using Npgsql;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Servers;

/// <summary>Makes the first signing key, which the migrator makes after the schema.</summary>
public static class FirstKey
{
    /// <summary>Makes the first signing key of a database.</summary>
    /// <param name="connectionString">The database.</param>
    /// <param name="masterKey">The master key; the default is all zeros.</param>
    public static async Task MakeAsync(string connectionString, byte[]? masterKey = null)
    {
        await using var database = NpgsqlDataSource.Create(
            new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false });
        using var key = new MasterKey(masterKey ?? new byte[MasterKey.Size]);
        await MakeFirstSigningKey.UnlessThereAsync(database, key, CancellationToken.None);
    }
}

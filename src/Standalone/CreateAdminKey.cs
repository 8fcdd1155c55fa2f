using Npgsql;
using Tracking.Api;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.Standalone;

/// <summary>
/// Creates the first admin API key. The file is written before the row, and a key that is only in the file is
/// registered at the next start. So a start that is killed between the two needs no repair. A revoked key stays
/// revoked.
/// </summary>
internal static class CreateAdminKey
{
    /// <summary>Creates the key unless the file exists or the database has an admin key.</summary>
    /// <returns>The new key, or <see langword="null"/> when none was created.</returns>
    public static async Task<string?> UnlessThereAsync(
        DataFolder folder, NpgsqlDataSource dataSource, TimeProvider time, CancellationToken cancellationToken)
    {
        if (File.Exists(folder.AdminKey))
        {
            var kept = (await File.ReadAllTextAsync(folder.AdminKey, cancellationToken)).Trim();
            await RegisterAsync(folder, kept, dataSource, time, cancellationToken);
            return null;
        }

        await using var known = dataSource.CreateCommand(
            "SELECT EXISTS (SELECT FROM management.api_keys WHERE cluster_id IS NULL AND revoked_at IS NULL)");
        if (await known.ExecuteScalarAsync(cancellationToken) is true)
        {
            return null;
        }

        var key = ApiKeySecret.Create();
        DataFolder.WriteSecret(folder.AdminKey, key + "\n");
        await RegisterAsync(folder, key, dataSource, time, cancellationToken);
        return key;
    }

    private static async Task RegisterAsync(
        DataFolder folder,
        string key,
        NpgsqlDataSource dataSource,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (!ApiKeySecret.TryHash(key, out var hash))
        {
            throw new StartUpException(
                $"{folder.AdminKey} does not hold an API key (trk_ and 32 characters). Restore it, or remove it.",
                StartUp.Failed);
        }

        await StoreAdminKey.RunAsync(dataSource, "first start", hash, time, cancellationToken);
    }
}

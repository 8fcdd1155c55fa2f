using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Api;
using Tracking.Database;
using Tracking.Database.Rights;
using Tracking.Links;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.Migrator;

/// <summary>
/// Makes a database ready for the services; repeated runs do no harm. It waits for the database, applies the missing
/// migrations, gives the services their rights, makes the first signing key, and stores the first admin key.
/// </summary>
internal sealed partial class PrepareDatabase(
    Database.Migrator migrator,
    GrantServiceRights rights,
    SigningKeyRing keys,
    MasterKey masterKey,
    NpgsqlDataSource dataSource,
    IOptions<MigratorOptions> options,
    TimeProvider time,
    ILogger<PrepareDatabase> logger)
{
    // Short enough for a person who waits, and long enough not to fill a log.
    private static readonly TimeSpan _askAgainAfter = TimeSpan.FromSeconds(1);

    /// <summary>Runs all steps.</summary>
    /// <exception cref="StartUpException">The admin key is invalid.</exception>
    /// <exception cref="SigningKeysLostException">Links have been sent, but no signing key exists.</exception>
    /// <exception cref="WrongMasterKeyException">The master key opens none of the signing keys.</exception>
    /// <exception cref="MigrationException">The schema belongs to another line of development.</exception>
    /// <exception cref="NpgsqlException">The database did not answer in time.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var hash = ReadAdminKey();
        await WaitAsync(cancellationToken);
        await migrator.ApplyAsync(cancellationToken);
        await rights.RunAsync(cancellationToken);
        await MakeFirstSigningKey.UnlessThereAsync(dataSource, masterKey, cancellationToken);
        await keys.RefreshAsync(cancellationToken);
        if (hash is not null)
        {
            await StoreAdminKey.RunAsync(dataSource, "migrator", hash, time, cancellationToken);
        }

        LogReady();
    }

    private async Task WaitAsync(CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            try
            {
                await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
                return;
            }
            catch (Exception away) when (IsNotThereYet(away)
                && time.GetElapsedTime(began) < options.Value.WaitForDatabase)
            {
                LogWaiting(away.Message);
                await Task.Delay(_askAgainAfter, time, cancellationToken);
            }
        }
    }

    // The database may not exist until an operator has made it. A refused role or password does not change.
    private static bool IsNotThereYet(Exception exception) =>
        StoreAway.Is(exception) && !StoreAway.IsLoginRefused(exception);

    private byte[]? ReadAdminKey()
    {
        var (setting, key) = options.Value switch
        {
            { AdminKeyFile.Length: > 0 } file => (nameof(file.AdminKeyFile), ReadFile(file.AdminKeyFile)),
            { AdminKey.Length: > 0 } given => (nameof(given.AdminKey), given.AdminKey),
            _ => (null, null),
        };
        if (key is null)
        {
            return null;
        }

        return ApiKeySecret.TryHash(key.Trim(), out var hash)
            ? hash
            : throw new StartUpException($"Tracking__Migrator__{setting}: got ***, takes {Takes}");
    }

    private const string Takes =
        "trk_ and 32 characters of 0123456789abcdefghjkmnpqrstvwxyz (tr -dc 0-9a-hjkmnp-tv-z < /dev/urandom | head -c 32)";

    private static string ReadFile(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new StartUpException(
                $"Tracking__Migrator__AdminKeyFile: got \"{file}\" ({exception.Message.TrimEnd('.')}), takes a file with "
                + Takes);
        }
    }

    [LoggerMessage(
        Level = LogLevel.Information, Message = "The database is ready: schema, rights, signing key, admin key")]
    private partial void LogReady();

    [LoggerMessage(Level = LogLevel.Information, Message = "Waiting for the database: {Reason}")]
    private partial void LogWaiting(string reason);
}

using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Api;
using Tracking.Database;
using Tracking.Database.Rights;
using Tracking.Links;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.Migrator;

/// <summary>
/// Makes a database ready for the services, once and as often as it is run: waits for it, applies the migrations that
/// are missing, gives the services their rights, makes the first signing key, stores the first admin key.
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
    // Short enough that nobody waits for it, long enough not to fill a log.
    private static readonly TimeSpan AskAgainAfter = TimeSpan.FromSeconds(1);

    /// <summary>Runs all of it.</summary>
    /// <exception cref="StartUpException">The admin key is not one.</exception>
    /// <exception cref="SigningKeysLostException">Links have been sent, and there is no key.</exception>
    /// <exception cref="WrongMasterKeyException">Not one key can be opened.</exception>
    /// <exception cref="MigrationException">The schema is another line of development's.</exception>
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
                await Task.Delay(AskAgainAfter, time, cancellationToken);
            }
        }
    }

    // It may not be there (3D000) until somebody has made it. A role or password that is refused (class 28) stays so.
    private static bool IsNotThereYet(Exception exception) =>
        StoreAway.Is(exception) && exception is not PostgresException { SqlState: ['2', '8', ..] };

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

    [LoggerMessage(Level = LogLevel.Information, Message = "The database is ready: schema, rights, signing key, admin key")]
    private partial void LogReady();

    [LoggerMessage(Level = LogLevel.Information, Message = "Waiting for the database: {Reason}")]
    private partial void LogWaiting(string reason);
}

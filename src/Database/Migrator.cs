using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Tracking.Database;

/// <summary>The schema cannot be brought up to date. The message is one line for the operator.</summary>
public sealed class MigrationException(string message) : Exception(message);

/// <summary>
/// Brings the schema up to date. It runs the SQL files under <c>Migrations/</c> in order, each in its own transaction,
/// under one advisory lock, and records each with a checksum. The start fails when the content of an applied migration
/// differs from this build's, or when this build lacks it. Migrations newer than this build are ignored, so that the
/// previous version runs on the next version's schema. Services may run at the same time: a migration that does not get
/// its locks soon is rolled back and tried again (docs/decisions/0007-migrations.md).
/// </summary>
public sealed partial class Migrator(NpgsqlDataSource dataSource, ILogger<Migrator> logger)
{
    // Any constant that no other program on the same database uses. This one is "tracking" in ASCII.
    internal const long AdvisoryLock = 0x747261636b696e67;

    // While a migration waits for a table's lock, every other statement on that table waits behind the migration. This
    // limits the wait. Storing a batch of events takes a tenth of this time.
    private const string LimitLockWait = "SET LOCAL lock_timeout = '2s'";

    // The longest exports of events take minutes. After more attempts than that an operator must look.
    private const int Attempts = 200;
    private static readonly TimeSpan _pauseBetweenAttempts = TimeSpan.FromSeconds(1);

    private static readonly Lazy<int[]> _numbers = new(() => [.. Embedded().Select(migration => migration.Number)]);

    /// <summary>Applies missing migrations. Several processes may call this at the same time.</summary>
    /// <exception cref="MigrationException">An applied migration differs from this build's, or this build lacks
    /// it.</exception>
    public Task ApplyAsync(CancellationToken cancellationToken) => ApplyAsync(Embedded(), cancellationToken);

    /// <summary>Whether every migration of this build has been applied. Later ones may have been applied too.</summary>
    /// <exception cref="NpgsqlException">The database does not answer, or has no schema at all.</exception>
    public static async Task<bool> IsAppliedAsync(NpgsqlDataSource dataSource, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(dataSource);
        await using var command = dataSource.CreateCommand(
            "SELECT count(*) FROM public.tracking_migrations WHERE number = ANY($1)");
        command.Parameters.Add(new() { Value = _numbers.Value });
        return await command.ExecuteScalarAsync(cancellationToken) is long count && count == _numbers.Value.Length;
    }

    internal async Task ApplyAsync(IReadOnlyList<Migration> migrations, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await ExecuteAsync(connection, $"SELECT pg_advisory_lock({AdvisoryLock})", cancellationToken);
        try
        {
            await ExecuteAsync(
                connection,
                """
                CREATE TABLE IF NOT EXISTS public.tracking_migrations (
                    number     integer     PRIMARY KEY,
                    name       text        NOT NULL,
                    checksum   bytea       NOT NULL,
                    applied_at timestamptz NOT NULL DEFAULT now())
                """,
                cancellationToken);

            var applied = await ReadAppliedAsync(connection, cancellationToken);
            RefuseUnknown(applied, migrations);
            foreach (var migration in migrations)
            {
                if (!applied.TryGetValue(migration.Number, out var known))
                {
                    await ApplyBetweenOthersAsync(connection, migration, cancellationToken);
                    LogApplied(migration.Name);
                }
                else if (!known.Checksum.AsSpan().SequenceEqual(migration.Checksum))
                {
                    throw new MigrationException(
                        $"Migration {migration.Name} was applied to this database with other content: "
                        + "an applied migration must never change. Restore the file, or use another database.");
                }
            }
        }
        finally
        {
            // Unlock, because the session goes back to the pool and would keep the lock.
            await ExecuteAsync(connection, $"SELECT pg_advisory_unlock({AdvisoryLock})", CancellationToken.None);
        }
    }

    internal static IReadOnlyList<Migration> Embedded()
    {
        var assembly = Assembly.GetExecutingAssembly();
        return [.. assembly.GetManifestResourceNames()
            .Where(name => name.EndsWith(".sql", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(name =>
            {
                using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!, Encoding.UTF8);
                return new Migration(name, reader.ReadToEnd());
            })];
    }

    // An unknown number below our highest number means that another branch of the program made this schema.
    private static void RefuseUnknown(
        Dictionary<int, (string Name, byte[] Checksum)> applied, IReadOnlyList<Migration> migrations)
    {
        var newest = migrations.Max(migration => migration.Number);
        foreach (var (number, (name, _)) in applied.OrderBy(entry => entry.Key))
        {
            if (number < newest && migrations.All(migration => migration.Number != number))
            {
                throw new MigrationException(
                    $"Migration {name} was applied to this database and is not in this version: "
                    + "start the version that applied it, or use another database.");
            }
        }
    }

    private async Task ApplyBetweenOthersAsync(
        NpgsqlConnection connection, Migration migration, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await ApplyAsync(connection, migration, cancellationToken);
                return;
            }
            catch (PostgresException locked) when (attempt < Attempts
                && locked.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected)
            {
                LogLocked(migration.Name, locked.MessageText);
                await Task.Delay(_pauseBetweenAttempts, cancellationToken);
            }
        }
    }

    private static async Task ApplyAsync(
        NpgsqlConnection connection, Migration migration, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await ExecuteAsync(connection, LimitLockWait, cancellationToken);
        await ExecuteAsync(connection, migration.Sql, cancellationToken);
        await using var record = new NpgsqlCommand(
            "INSERT INTO public.tracking_migrations (number, name, checksum) VALUES ($1, $2, $3)", connection)
        {
            Parameters =
            {
                new() { Value = migration.Number },
                new() { Value = migration.Name },
                new() { Value = migration.Checksum },
            },
        };
        await record.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private static async Task<Dictionary<int, (string Name, byte[] Checksum)>> ReadAppliedAsync(
        NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var applied = new Dictionary<int, (string, byte[])>();
        await using var command = new NpgsqlCommand(
            "SELECT number, name, checksum FROM public.tracking_migrations", connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            applied.Add(reader.GetInt32(0), (reader.GetString(1), reader.GetFieldValue<byte[]>(2)));
        }

        return applied;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Applied migration {Name}")]
    private partial void LogApplied(string name);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "Migration {Name} did not get the locks of its tables in time and is tried again: {Reason}")]
    private partial void LogLocked(string name, string reason);
}

/// <summary>One migration: <c>NNNN_what.sql</c>.</summary>
internal sealed record Migration(string Name, string Sql)
{
    public int Number { get; } = int.Parse(Name.AsSpan(0, 4), NumberStyles.None, CultureInfo.InvariantCulture);

    public byte[] Checksum { get; } = SHA256.HashData(Encoding.UTF8.GetBytes(Sql));
}

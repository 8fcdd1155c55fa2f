using Microsoft.Extensions.Logging;
using Npgsql;

namespace Tracking.Database.Rights;

/// <summary>
/// Gives each service's group role exactly its <see cref="ServiceRights"/>. It runs after the migrations and may run
/// again. A role is named after the database and the service (<c>tracking_edge</c>), because roles belong to the whole
/// server. So the services of a second database on the server have no rights in the first.
/// <para>Missing roles are made if the user has the right to do so. Otherwise a log line has the statements to run, and
/// the services keep using their present login.</para>
/// </summary>
public sealed partial class GrantServiceRights(NpgsqlDataSource dataSource, ILogger<GrantServiceRights> logger)
{
    private const string SelectServer =
        """
        SELECT current_database(), octet_length(current_database()), current_user,
            (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user),
            (SELECT coalesce(max(number), 0) FROM public.tracking_migrations)
        """;

    // PostgreSQL cuts names after 63 bytes. Two services with cut names would share a role.
    private static readonly int _longestDatabase = 63 - 1 - ServiceRights.All.Max(rights => rights.Service.Length);

    /// <summary>Makes missing roles and sets the rights, in one transaction.</summary>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        var server = await ReadServerAsync(connection, cancellationToken);
        if (server.NewestMigration > Migrator.Embedded().Max(migration => migration.Number))
        {
            // A later version's migrator has run on this database and has given the rights.
            return;
        }

        if (server.DatabaseBytes > _longestDatabase)
        {
            LogLongName(server.Database, _longestDatabase);
            return;
        }

        try
        {
            await SetAsync(connection, server, cancellationToken);
        }
        catch (PostgresException refused) when (refused.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            LogRefused(server.User, refused.MessageText);
        }
    }

    private async Task SetAsync(NpgsqlConnection connection, Server server, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);

        // Excludes other migrators and the creation of a partition: both change the catalog's rows of ingest.events.
        await ExecuteAsync(
            connection,
            $"SELECT pg_advisory_xact_lock({Migrator.AdvisoryLock}), "
                + "pg_advisory_xact_lock(hashtext('tracking.ingest.create_month'))",
            cancellationToken);
        var roles = ServiceRights.All.ToDictionary(rights => RoleOf(server.Database, rights.Service));
        var missing = await MissingAsync(connection, [.. roles.Keys], cancellationToken);
        var create = string.Join(' ', missing.Select(role => $"CREATE ROLE {Quoted(role)} NOLOGIN;"));
        var names = string.Join(", ", missing);
        if (missing.Count > 0 && !server.MayCreateRoles)
        {
            LogMissing(names, server.User, create);
            foreach (var role in missing)
            {
                roles.Remove(role);
            }
        }
        else if (missing.Count > 0)
        {
            await ExecuteAsync(connection, create, cancellationToken);
            LogMade(names);
        }

        foreach (var (role, rights) in roles)
        {
            await ExecuteAsync(connection, Statements(Quoted(role), rights), cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
    }

    internal static string RoleOf(string database, string service) => $"{database}_{service}";

    // All rights are revoked first, so rights that only an earlier version needed do not remain. Revoking a table's
    // rights also revokes those of its columns.
    private static string Statements(string role, ServiceRights rights) =>
        $"""
        REVOKE ALL ON ALL TABLES IN SCHEMA management, links, rewrite, ingest, webhooks FROM {role};
        REVOKE ALL ON ALL SEQUENCES IN SCHEMA management, links, rewrite, ingest, webhooks FROM {role};
        REVOKE ALL ON ALL FUNCTIONS IN SCHEMA management, links, rewrite, ingest, webhooks FROM {role};
        REVOKE ALL ON SCHEMA management, links, rewrite, ingest, webhooks FROM {role};
        REVOKE ALL ON public.tracking_migrations FROM {role};
        {string.Join('\n', rights.Grants.Select(grant => $"GRANT {grant} TO {role};"))}
        """;

    private static async Task<Server> ReadServerAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(SelectServer, connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return new Server(
            reader.GetString(0), reader.GetInt32(1), reader.GetString(2), reader.GetBoolean(3), reader.GetInt32(4));
    }

    private static async Task<List<string>> MissingAsync(
        NpgsqlConnection connection, string[] roles, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            "SELECT r FROM unnest($1::text[]) r WHERE r NOT IN (SELECT rolname FROM pg_roles)", connection)
        {
            Parameters = { new() { Value = roles } },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var missing = new List<string>();
        while (await reader.ReadAsync(cancellationToken))
        {
            missing.Add(reader.GetString(0));
        }

        return missing;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static string Quoted(string name) => '"' + name.Replace("\"", "\"\"", StringComparison.Ordinal) + '"';

    [LoggerMessage(Level = LogLevel.Information, Message = "Made the roles {Roles}")]
    private partial void LogMade(string roles);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "The roles {Roles} are missing, and {User} may not create them. Without "
        + "these roles the services must log in as a user with all rights. To create them, run as an "
        + "administrator of the server: {Sql} and then the migrator again (deploy/postgres)")]
    private partial void LogMissing(string roles, string user, string sql);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "The rights of the services stay as they were, {User} may not give "
        + "them: {Reason}. Run deploy/postgres/roles.sql, which makes one user the owner of everything")]
    private partial void LogRefused(string user, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The services have no rights of their own: the name of database "
        + "{Database} has more than the {Longest} bytes that leave room for their roles' names")]
    private partial void LogLongName(string database, int longest);

    private sealed record Server(
        string Database, int DatabaseBytes, string User, bool MayCreateRoles, int NewestMigration);
}

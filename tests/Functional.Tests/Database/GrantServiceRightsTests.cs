using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Rights;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Database;

/// <summary>Roles that the migrator makes for databases with other names than <c>tracking</c>.</summary>
public sealed class GrantServiceRightsTests(TestPostgres server)
{
    private readonly KeptLog<GrantServiceRights> _log = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Roles_are_made_where_the_user_may_and_every_run_leaves_the_same_rights()
    {
        await using var database = await SomeDatabase.CreateEmptyAsync(server);
        var name = await MigrateAsync(database);
        var rights = await RightsAsync(database);
        Assert.Contains($"{name}_edge links.destinations url SELECT", rights);
        Assert.DoesNotContain(rights, right => right.StartsWith("tracking_", StringComparison.Ordinal));

        // Rights that somebody granted by hand, or that an earlier version needed, are revoked.
        await database.ExecuteAsync($"GRANT SELECT ON management.api_keys TO {name}_edge");
        await database.ExecuteAsync($"GRANT SELECT (sender) ON rewrite.messages TO {name}_ingest");
        await database.ExecuteAsync($"REVOKE ALL ON ingest.batches FROM {name}_ingest");
        await RunAsync(database.ConnectionString);

        Assert.Equal(rights, await RightsAsync(database));
        Assert.Contains("Made the roles", Assert.Single(_log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_user_that_may_not_make_roles_says_in_one_line_what_to_run_and_goes_on()
    {
        await using var database = await SomeDatabase.CreateEmptyAsync(server);
        var owner = $"owner_{Guid.NewGuid():N}";
        await database.ExecuteAsync($"CREATE ROLE {owner} LOGIN PASSWORD 'x'");
        var name = await database.ScalarAsync<string>("SELECT current_database()::text");
        await database.ExecuteAsync($"ALTER DATABASE {name} OWNER TO {owner}");
        var connection = new NpgsqlConnectionStringBuilder(database.ConnectionString)
        {
            Username = owner,
            Password = "x",
            Pooling = false,
        }.ConnectionString;
        await using (var own = NpgsqlDataSource.Create(connection))
        {
            await new Migrator(own, NullLogger<Migrator>.Instance).ApplyAsync(Cancelled);
        }

        await RunAsync(connection);
        var line = Assert.Single(_log.Lines);
        Assert.DoesNotContain('\n', line);
        var sql = line[line.IndexOf("CREATE ROLE", StringComparison.Ordinal)..line.IndexOf(" and then", StringComparison.Ordinal)];

        await database.ExecuteAsync(sql);
        await RunAsync(connection);
        Assert.Single(_log.Lines);
        Assert.Contains($"{name}_rewrite links.destinations url INSERT", await RightsAsync(database));
    }

    [Fact]
    public async Task Two_databases_of_one_server_have_roles_of_their_own()
    {
        await using var one = await SomeDatabase.CreateEmptyAsync(server);
        await using var other = await SomeDatabase.CreateEmptyAsync(server);
        var name = await MigrateAsync(one);
        await MigrateAsync(other);
        Assert.DoesNotContain(
            await RightsAsync(other), right => right.StartsWith(name + "_", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Rights_of_a_later_version_are_left_alone()
    {
        await using var database = await SomeDatabase.CreateEmptyAsync(server);
        var name = await MigrateAsync(database);
        await database.ExecuteAsync($"GRANT SELECT ON ingest.batches TO {name}_verifier");
        await database.ExecuteAsync("INSERT INTO tracking_migrations VALUES (9000, '9000_later.sql', '')");
        await RunAsync(database.ConnectionString);
        Assert.Contains($"{name}_verifier ingest.batches  SELECT", await RightsAsync(database));
    }

    [Fact]
    public async Task A_name_that_leaves_no_room_for_a_role_is_one_line()
    {
        await using var some = await SomeDatabase.CreateEmptyAsync(server);
        var name = new string('n', 63);
        await some.ExecuteAsync($"CREATE DATABASE {name} TEMPLATE template0");
        await using var database = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(some.ConnectionString)
        {
            Database = name,
            Pooling = false,
        });
        await new Migrator(database, NullLogger<Migrator>.Instance).ApplyAsync(Cancelled);
        await new GrantServiceRights(database, _log).RunAsync(Cancelled);
        Assert.Contains(name, Assert.Single(_log.Lines), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tracking", "tracking")]
    [InlineData("owner", "tracking")]
    // In a managed database no customer is a superuser.
    [InlineData("administrator", "administrator")]
    public async Task The_script_takes_over_what_one_user_had_owned_and_runs_twice(string earlier, string administrator)
    {
        await using var own = await BreakablePostgres.CreateAsync(Cancelled);
        await using var database = NpgsqlDataSource.Create(own.ConnectionString);
        await using var everybody = NpgsqlDataSource.Create(As(earlier));
        if (earlier != "tracking")
        {
            await ExecuteAsync(
                database,
                $"CREATE ROLE {earlier} LOGIN PASSWORD 'x' {(earlier == administrator ? "CREATEROLE CREATEDB" : "")}");
            await ExecuteAsync(database, $"ALTER DATABASE tracking OWNER TO {earlier}");
        }

        await new Migrator(everybody, NullLogger<Migrator>.Instance).ApplyAsync(Cancelled);
        await ServiceLogins.MakeAsync(As(administrator));
        await ServiceLogins.MakeAsync(As(administrator));

        // Services of the previous release still log in as the former single user.
        everybody.Clear();
        await ExecuteAsync(everybody, "INSERT INTO management.clusters (id, name) VALUES (1, 'one')");
        await ExecuteAsync(everybody, "SELECT ingest.create_month(now() + interval '9 months')");

        await using var migrator = NpgsqlDataSource.Create(ServiceLogins.Of(own.ConnectionString, "migrator"));
        await new Migrator(migrator, NullLogger<Migrator>.Instance).ApplyAsync(
            [.. Migrator.Embedded(), new Migration("9000_next.sql",
                "ALTER TABLE ingest.events ADD next text; ALTER TABLE management.api_keys ADD next text")],
            Cancelled);
        await using var strangers = database.CreateCommand(
            """
            SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE (n.nspname IN ('management', 'links', 'rewrite', 'ingest') OR c.relname = 'tracking_migrations')
                AND pg_get_userbyid(c.relowner) <> 'tracking_migrator'
            UNION ALL
            SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE n.nspname = 'ingest' AND pg_get_userbyid(p.proowner) <> 'tracking_migrator'
            """);
        Assert.Null(await strangers.ExecuteScalarAsync(Cancelled));

        string As(string user) => user == "tracking"
            ? own.ConnectionString
            : new NpgsqlConnectionStringBuilder(own.ConnectionString) { Username = user, Password = "x" }
                .ConnectionString;
    }

    private static async Task ExecuteAsync(NpgsqlDataSource database, string sql)
    {
        await using var command = database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Cancelled);
    }

    private async Task<string> MigrateAsync(SomeDatabase database)
    {
        await new Migrator(database.DataSource, NullLogger<Migrator>.Instance).ApplyAsync(Cancelled);
        await RunAsync(database.ConnectionString);
        return await database.ScalarAsync<string>("SELECT current_database()::text");
    }

    private async Task RunAsync(string connection)
    {
        await using var dataSource = NpgsqlDataSource.Create(
            new NpgsqlConnectionStringBuilder(connection) { Pooling = false });
        await new GrantServiceRights(dataSource, _log).RunAsync(Cancelled);
    }

    // The rights of all roles but the owner: role, object, column, right.
    private static Task<List<string>> RightsAsync(SomeDatabase database) => database.LinesAsync(
        """
        SELECT concat_ws(' ', pg_get_userbyid(a.grantee), c.oid::regclass, '', a.privilege_type)
        FROM pg_class c, aclexplode(c.relacl) a
        WHERE a.grantee <> c.relowner AND a.grantee > 16383
        UNION ALL
        SELECT concat_ws(' ', pg_get_userbyid(a.grantee), c.oid::regclass, t.attname, a.privilege_type)
        FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a
        WHERE a.grantee > 16383
        UNION ALL
        SELECT concat_ws(' ', pg_get_userbyid(a.grantee), p.oid::regprocedure, '', a.privilege_type)
        FROM pg_proc p, aclexplode(p.proacl) a
        WHERE a.grantee <> p.proowner AND a.grantee > 16383
        UNION ALL
        SELECT concat_ws(' ', pg_get_userbyid(a.grantee), n.nspname, '', a.privilege_type)
        FROM pg_namespace n, aclexplode(n.nspacl) a
        WHERE a.grantee <> n.nspowner AND a.grantee > 16383
        ORDER BY 1
        """);
}

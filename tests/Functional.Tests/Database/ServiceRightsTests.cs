using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Rights;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Database;

/// <summary>The rights that a service does not have. All other tests show that its rights are sufficient, because each
/// host logs in as the user of its service.</summary>
public sealed class ServiceRightsTests(TestPostgres server)
{
    private static readonly string[] _services =
        ["rewrite", "edge", "ingest", "management", "verifier", "certificates"];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("SELECT settings, name FROM management.clusters", "management", "verifier")]
    [InlineData("SELECT notify_emails FROM management.clusters", "management", "verifier")]
    [InlineData("SELECT hostname, is_default FROM domains.tracking_domains",
        "rewrite", "edge", "ingest", "management", "verifier", "certificates")]
    [InlineData("SELECT changed_in FROM domains.tracking_domains", "rewrite", "edge", "management", "verifier",
        "certificates")]
    [InlineData("UPDATE domains.tracking_domains SET certificate_until = now()", "verifier", "certificates")]
    [InlineData("SELECT sealed_key FROM certificates.accounts", "certificates")]
    [InlineData("SELECT thumbprint FROM certificates.accounts", "edge", "management", "certificates")]
    [InlineData("SELECT new_sealed_key FROM certificates.accounts", "certificates")]
    [InlineData("SELECT challenge_thumbprint FROM certificates.requests", "edge", "certificates")]
    [InlineData("SELECT steps FROM certificates.requests", "management", "certificates")]
    [InlineData("UPDATE certificates.requests SET steps = '[]'", "certificates")]
    [InlineData("UPDATE certificates.issued SET revoked_at = now()", "certificates")]
    [InlineData("SELECT revoked_at FROM certificates.issued", "rewrite", "certificates")]
    [InlineData("UPDATE certificates.issued SET chain = ''")]
    [InlineData("SELECT * FROM certificates.sealed_keys()", "management")]
    [InlineData("UPDATE links.signing_keys SET sealed = ''", "management")]
    [InlineData("SELECT sealed_key FROM certificates.issued", "edge", "certificates")]
    [InlineData("SELECT chain FROM certificates.issued", "edge", "management", "certificates")]
    [InlineData("SELECT challenge_token FROM certificates.names", "edge", "certificates")]
    [InlineData("SELECT order_sealed_key FROM certificates.names", "certificates")]
    [InlineData("UPDATE certificates.names SET due_at = now(), failures = 0", "management", "certificates")]
    [InlineData("UPDATE certificates.names SET certificate_id = NULL", "certificates")]
    [InlineData("SELECT problem FROM certificates.attempts", "management", "certificates")]
    [InlineData("INSERT INTO certificates.budgets VALUES ('d', 'b', 1, now())", "certificates")]
    [InlineData("SELECT target FROM domains.tracking_domains", "management", "verifier")]
    [InlineData("INSERT INTO domains.checks SELECT * FROM domains.checks", "verifier")]
    [InlineData("SELECT settings FROM management.clusters",
        "rewrite", "edge", "ingest", "management", "verifier", "certificates")]
    [InlineData("UPDATE management.clusters SET settings = '{}'", "management")]
    [InlineData("UPDATE management.clusters SET id = 1")]
    [InlineData("DELETE FROM management.clusters")]
    [InlineData("INSERT INTO management.sending_domains (domain, cluster_id) VALUES ('a.example', 1)", "management")]
    [InlineData("SELECT secret_hash FROM management.api_keys", "rewrite", "management")]
    [InlineData("SELECT name FROM management.api_keys", "management")]
    [InlineData("INSERT INTO management.api_keys (id, name, secret_hash) VALUES (gen_random_uuid(), 'n', '')", "management")]
    [InlineData("UPDATE management.api_keys SET secret_hash = ''")]
    [InlineData("DELETE FROM management.api_keys")]
    [InlineData("SELECT before FROM management.audit_log", "management")]
    [InlineData("INSERT INTO management.audit_log (id, at, api_key_id, actor, action, subject) "
        + "VALUES (gen_random_uuid(), now(), gen_random_uuid(), '', '', '')", "management")]
    [InlineData("INSERT INTO management.audit_log (id, at, actor, action, subject) "
        + "VALUES (gen_random_uuid(), now(), '', '', '')", "ingest", "management")]
    [InlineData("UPDATE management.audit_log SET actor = ''")]
    [InlineData("DELETE FROM management.audit_log", "management")]
    [InlineData("UPDATE domains.tracking_domains SET is_default = false", "management", "verifier")]
    [InlineData("UPDATE domains.tracking_domains SET status = 1", "verifier")]
    [InlineData("UPDATE domains.tracking_domains SET target = ''", "verifier")]
    [InlineData("DELETE FROM domains.tracking_domains")]
    [InlineData("SELECT sealed FROM links.signing_keys", "rewrite", "edge", "management")]
    [InlineData("INSERT INTO links.signing_keys (version, sealed, signs_from) VALUES (7, '', now())", "management")]
    [InlineData("UPDATE links.signing_keys SET signs_from = now()")]
    [InlineData("DELETE FROM links.signing_keys")]
    [InlineData("SELECT url FROM links.destinations", "edge", "ingest", "management")]
    [InlineData("INSERT INTO links.destinations (cluster_id, link_id, url_hash, url) VALUES (1, 1, '', '')",
        "rewrite", "management")]
    [InlineData("SELECT pattern FROM links.blocked_destinations", "edge", "management")]
    [InlineData("DELETE FROM links.blocked_destinations", "management")]
    [InlineData("SELECT tag FROM links.repairs", "edge", "management")]
    [InlineData("UPDATE links.repairs SET new_link_id = 1")]
    [InlineData("SELECT link_id FROM links.imported_links", "edge", "management")]
    [InlineData("INSERT INTO links.imported_links VALUES (1, 'a', '/', 0, '', 0)", "management")]
    [InlineData("UPDATE links.imported_links SET link_id = 1")]
    [InlineData("DELETE FROM links.imported_links")]
    [InlineData("UPDATE domains.tracking_domains SET has_imported_links = true", "management", "verifier")]
    [InlineData("SELECT tags FROM rewrite.messages", "edge", "ingest", "management")]
    [InlineData("SELECT content FROM domains.app_files", "edge", "management")]
    [InlineData("UPDATE links.destinations SET url = ''")]
    [InlineData("DELETE FROM links.destinations")]
    [InlineData("SELECT sender, message_id FROM rewrite.messages", "management")]
    [InlineData("SELECT recipient FROM rewrite.messages", "rewrite", "ingest", "management")]
    [InlineData("SELECT tracking_level FROM rewrite.messages", "rewrite", "edge", "ingest", "management")]
    [InlineData("UPDATE rewrite.messages SET tracking_level = 0", "rewrite", "management")]
    [InlineData("UPDATE rewrite.messages SET sender = ''", "management")]
    [InlineData("UPDATE rewrite.messages SET message_key = ''")]
    [InlineData("SELECT recipient_hash FROM rewrite.withdrawals", "rewrite", "management")]
    [InlineData("SELECT max(number) FROM rewrite.withdrawals", "ingest", "management")]
    [InlineData("SELECT message_key FROM rewrite.withdrawn_messages", "edge", "management")]
    [InlineData("DELETE FROM rewrite.withdrawals")]
    [InlineData("UPDATE ingest.events SET client_address = NULL", "management")]
    [InlineData("DELETE FROM rewrite.messages")]
    [InlineData("SELECT user_agent, client_address FROM ingest.events", "ingest", "management")]
    [InlineData("SELECT id FROM ingest.events", "ingest", "management")]
    [InlineData("SELECT * FROM ingest.events_default")]
    [InlineData("UPDATE ingest.events SET verdict = 1", "ingest")]
    [InlineData("UPDATE ingest.events SET occurred_at = now()")]
    [InlineData("DELETE FROM ingest.events")]
    [InlineData("TRUNCATE ingest.events")]
    [InlineData("SELECT ingest.create_month(now())", "ingest")]
    [InlineData("SELECT * FROM ingest.batches", "ingest")]
    [InlineData("UPDATE ingest.batches SET event_count = 0")]
    [InlineData("UPDATE ingest.stored_events SET position = 1", "management")]
    [InlineData("UPDATE ingest.stored_events SET event_ids = '{}'")]
    [InlineData("SELECT event_ids FROM ingest.stored_events", "management")]
    [InlineData("SELECT raw FROM ingest.rejected_events", "management")]
    [InlineData("SELECT sum(count) FROM ingest.link_hours", "ingest")]
    [InlineData("SELECT sum(others) FROM ingest.counted", "management")]
    [InlineData("DELETE FROM ingest.counts", "ingest")]
    [InlineData("SELECT max(id) FROM ingest.count_changes", "ingest")]
    [InlineData("SELECT count(firsts) FROM ingest.message_counts", "ingest", "management")]
    [InlineData("SELECT sum(day) FROM ingest.message_days", "ingest", "management")]
    [InlineData("UPDATE ingest.statistics SET requested_at = now()", "ingest", "management")]
    [InlineData("UPDATE ingest.statistics SET generation = 7", "ingest")]
    [InlineData("SELECT sealed_secret FROM webhooks.endpoints", "ingest", "management")]
    [InlineData("UPDATE webhooks.endpoints SET url = ''", "management")]
    [InlineData("UPDATE webhooks.endpoints SET leased_by = NULL", "ingest")]
    [InlineData("DELETE FROM webhooks.endpoints", "ingest")]
    [InlineData("UPDATE webhooks.deliveries SET status = 0", "ingest", "management")]
    [InlineData("UPDATE webhooks.deliveries SET payload = ''")]
    [InlineData("SELECT answer FROM webhooks.attempts", "management")]
    [InlineData("UPDATE webhooks.attempts SET answer = ''")]
    [InlineData("UPDATE domains.notices SET webhooks_at = now()", "ingest", "verifier")]
    [InlineData("UPDATE certificates.issued SET webhooks_at = now()", "ingest")]
    [InlineData("SELECT facts FROM domains.notices", "ingest", "verifier")]
    [InlineData("SELECT number FROM public.tracking_migrations",
        "rewrite", "edge", "ingest", "management", "verifier", "certificates")]
    [InlineData("DELETE FROM public.tracking_migrations")]
    public async Task Only_these_services_may_run_the_statement(string statement, params string[] allowed)
    {
        var database = await server.CreateDatabaseAsync(Cancelled);
        var may = new List<string>();
        foreach (var service in _services)
        {
            if (await TryAsync(database, service, statement))
            {
                may.Add(service);
            }
        }

        Assert.Equal(allowed, may);
    }

    [Fact]
    public async Task A_service_changes_no_schema_owns_nothing_and_makes_nobody()
    {
        await using var server = await PreparedAsync();
        foreach (var statement in (string[])
        [
            "CREATE TABLE public.mine (id integer)",
            "CREATE TEMPORARY TABLE mine (id integer)",
            "CREATE SCHEMA mine",
            "CREATE TABLE ingest.mine (id integer)",
            "CREATE FUNCTION public.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
            "ALTER TABLE ingest.events ADD COLUMN mine text",
            "ALTER TABLE ingest.events DETACH PARTITION ingest.events_default",
            "DROP TABLE ingest.events_default",
            "CREATE INDEX ON rewrite.messages (sender)",
            "CREATE ROLE mine",
            "ALTER ROLE tracking_edge_login SUPERUSER",
            "SET ROLE tracking_migrator",
            "SELECT pg_read_file('/etc/passwd')",
            "COPY (SELECT 1) TO PROGRAM 'true'",
        ])
        {
            foreach (var service in _services)
            {
                Assert.False(await TryAsync(server.ConnectionString, service, statement), $"{service}: {statement}");
            }
        }

        await using var administrator = NpgsqlDataSource.Create(server.ConnectionString);
        await using var owners = administrator.CreateCommand(
            """
            SELECT DISTINCT r.rolname::text FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid
            WHERE d.refclassid = 'pg_authid'::regclass AND d.deptype = 'o'
            """);
        Assert.Equal("tracking_migrator", await owners.ExecuteScalarAsync(Cancelled));
    }

    [Fact]
    public async Task The_migrator_is_no_administrator_and_only_users_of_this_database_come_in()
    {
        await using var server = await PreparedAsync();
        foreach (var statement in (string[])
            ["CREATE ROLE mine", "ALTER ROLE tracking_edge_login SUPERUSER", "SELECT pg_read_file('/etc/passwd')"])
        {
            Assert.False(await TryAsync(server.ConnectionString, "migrator", statement), statement);
        }

        await using var administrator = NpgsqlDataSource.Create(server.ConnectionString);
        await using var others = administrator.CreateCommand(
            """
            SELECT string_agg(DISTINCT pg_get_userbyid(acl.grantee), ' ')
            FROM pg_database, aclexplode(datacl) acl
            WHERE datname = current_database() AND acl.privilege_type = 'CONNECT'
            """);
        Assert.Equal(
            _services.Append("migrator").Select(service => $"tracking_{service}").Order(),
            ((string)(await others.ExecuteScalarAsync(Cancelled))!).Split(' ').Order());
    }

    // A separate server, because copies of a database do not have the rights on the database itself.
    private static async Task<BreakablePostgres> PreparedAsync()
    {
        var server = await BreakablePostgres.CreateAsync(Cancelled);
        await ServiceLogins.MakeAsync(server.ConnectionString);
        await using var migrator = NpgsqlDataSource.Create(ServiceLogins.Of(server.ConnectionString, "migrator"));
        await new Migrator(migrator, NullLogger<Migrator>.Instance).ApplyAsync(Cancelled);
        await new GrantServiceRights(migrator, NullLogger<GrantServiceRights>.Instance).RunAsync(Cancelled);
        return server;
    }

    private static async Task<bool> TryAsync(string database, string service, string statement)
    {
        await using var connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(ServiceLogins.Of(database, service)) { Pooling = false }
                .ConnectionString);
        await connection.OpenAsync(Cancelled);
        await using var transaction = await connection.BeginTransactionAsync(Cancelled);
        await using var command = new NpgsqlCommand(statement, connection, transaction);
        try
        {
            await command.ExecuteNonQueryAsync(Cancelled);
        }
        catch (PostgresException refused) when (refused.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            return false;
        }
        catch (PostgresException wrong) when (wrong.SqlState.StartsWith("23", StringComparison.Ordinal))
        {
            // The statement passed the check of rights and failed on the data.
        }

        await transaction.RollbackAsync(Cancelled);
        return true;
    }
}

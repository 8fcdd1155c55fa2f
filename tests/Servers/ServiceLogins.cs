using System.Diagnostics;
using System.Security.Cryptography;
using Npgsql;

namespace Tracking.Servers;

/// <summary>The users of <c>deploy/postgres/roles.sql</c>: one for each service, in the database <c>tracking</c> of a
/// server and in its copies.</summary>
public static class ServiceLogins
{
    /// <summary>A user with the rights of both services, for a host that runs both.</summary>
    public const string RewriteAndManagement = "rewrite_and_management";

    private static readonly string[] _services =
        ["migrator", "rewrite", "edge", "ingest", "management", "verifier", "certificates"];

    // No two services have the same password, and no two runs of the tests.
    private static readonly string _secret = RandomNumberGenerator.GetHexString(16);

    /// <summary>Runs the script as the user of the connection string.</summary>
    public static async Task MakeAsync(string connectionString)
    {
        using var secrets = new TemporaryFolder();
        foreach (var service in _services)
        {
            await File.WriteAllTextAsync(secrets.In($"postgres_{service}"), Password(service) + "\n");
        }

        await RunScriptAsync(connectionString, secrets.Path);
    }

    /// <summary>Runs the script as the user of the connection string.</summary>
    /// <param name="connectionString">The database.</param>
    /// <param name="secrets">The folder with the passwords of <c>deploy/make-secrets</c>.</param>
    public static async Task RunScriptAsync(string connectionString, string secrets)
    {
        var connection = new NpgsqlConnectionStringBuilder(connectionString);
        var script = Path.Combine(BuiltPrograms.Repository, "deploy", "postgres", "roles.sql");
        using var psql = Process.Start(new ProcessStartInfo(
            "psql", ["--no-psqlrc", "-v", $"secrets={secrets}", "-f", script])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            Environment =
            {
                ["PGHOST"] = connection.Host,
                ["PGPORT"] = $"{connection.Port}",
                ["PGUSER"] = connection.Username,
                ["PGPASSWORD"] = connection.Password,
                ["PGDATABASE"] = connection.Database,
            },
        })!;
        var output = psql.StandardOutput.ReadToEndAsync();
        var said = await psql.StandardError.ReadToEndAsync() + await output;
        await psql.WaitForExitAsync();
        if (psql.ExitCode != 0 || said.Length > 0)
        {
            throw new InvalidOperationException($"roles.sql ended with {psql.ExitCode}:\n{said}");
        }
    }

    /// <summary>The connection string of a service for the same database.</summary>
    /// <param name="connectionString">The connection string of an administrator.</param>
    /// <param name="service"><c>rewrite</c>, <c>edge</c> and so on, or <see cref="RewriteAndManagement"/>.</param>
    public static string Of(string connectionString, string service) =>
        new NpgsqlConnectionStringBuilder(connectionString)
        {
            Username = service == "migrator" ? "tracking_migrator" : $"tracking_{service}_login",
            Password = Password(service),
        }.ConnectionString;

    private static string Password(string service) => $"{service}-{_secret}";

    /// <summary>Makes <see cref="RewriteAndManagement"/> too.</summary>
    internal static async Task MakeOneOfTwoAsync(string connectionString)
    {
        await using var database = NpgsqlDataSource.Create(
            new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false });
        await using var create = database.CreateCommand(
            $"""
            CREATE ROLE tracking_{RewriteAndManagement}_login LOGIN PASSWORD '{Password(RewriteAndManagement)}'
            IN ROLE tracking_rewrite, tracking_management
            """);
        await create.ExecuteNonQueryAsync();
    }
}

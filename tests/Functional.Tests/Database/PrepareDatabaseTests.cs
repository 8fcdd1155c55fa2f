using System.Diagnostics;
using Npgsql;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Database;

/// <summary>The migrator as a separate program.</summary>
public sealed class PrepareDatabaseTests(TestPostgres postgres)
{
    private const string Key = "trk_0123456789abcdefghjkmnpqrstvwxyz";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_empty_database_has_schema_signing_key_and_admin_key_however_often_it_runs()
    {
        var connection = await postgres.CreateEmptyDatabaseAsync(Cancelled);
        for (var time = 0; time < 2; time++)
        {
            var (code, output) = await RunAsync(connection, ("Tracking__Migrator__AdminKey", Key));
            Assert.True(code == 0, output);
            Assert.DoesNotContain(Key, output, StringComparison.Ordinal);
        }

        await using var database = NpgsqlDataSource.Create(connection);
        Assert.Equal(1L, await CountAsync(database, "links.signing_keys"));
        Assert.Equal(1L, await CountAsync(database, "management.api_keys WHERE cluster_id IS NULL"));
    }

    [Fact]
    public async Task A_wrong_admin_key_is_one_line_that_does_not_repeat_it()
    {
        var (code, output) = await RunAsync("Host=127.0.0.1;Port=1", ("Tracking__Migrator__AdminKey", "trk_oops"));
        Assert.Equal(78, code);
        Assert.Single(output.Trim().Split('\n'));
        Assert.Contains("Tracking__Migrator__AdminKey: got ***", output, StringComparison.Ordinal);
        Assert.DoesNotContain("oops", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_master_key_than_the_databases_is_one_line()
    {
        var connection = await postgres.CreateEmptyDatabaseAsync(Cancelled);
        Assert.Equal(0, (await RunAsync(connection)).Code);
        var other = Convert.ToBase64String(Enumerable.Repeat((byte)7, 32).ToArray());
        var (code, output) = await RunAsync(connection, ("Tracking__MasterKey", other));
        Assert.Equal(78, code);
        Assert.Contains("another master key", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_that_never_answers_is_one_line_after_the_wait()
    {
        var (code, output) = await RunAsync(
            "Host=127.0.0.1;Port=1;Timeout=1", ("Tracking__Migrator__WaitForDatabase", "00:00:01"));
        Assert.Equal(69, code);
        Assert.Contains("ConnectionStrings__tracking does not answer", output, StringComparison.Ordinal);
    }

    private static async Task<long> CountAsync(NpgsqlDataSource database, string of)
    {
        await using var command = database.CreateCommand($"SELECT count(*) FROM {of}");
        return (long)(await command.ExecuteScalarAsync(Cancelled))!;
    }

    private static async Task<(int Code, string Output)> RunAsync(
        string connection, params (string Name, string Value)[] settings)
    {
        var start = new ProcessStartInfo(BuiltPrograms.Service("Migrator"))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["ConnectionStrings__tracking"] = connection;
        start.Environment["Tracking__MasterKey"] = Convert.ToBase64String(new byte[32]);
        foreach (var (name, value) in settings)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(Cancelled);
        var error = process.StandardError.ReadToEndAsync(Cancelled);
        await process.WaitForExitAsync(Cancelled);
        return (process.ExitCode, await output + await error);
    }
}

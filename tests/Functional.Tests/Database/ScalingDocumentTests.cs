using System.Text.RegularExpressions;
using Npgsql;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Database;

/// <summary>docs/scaling.md names for every table its place among several databases. The table's unique keys allow that
/// place.</summary>
public sealed partial class ScalingDocumentTests(TestPostgres server)
{
    // Every table except partitions, with the columns of each unique key.
    private const string SelectKeys =
        """
        SELECT n.nspname || '.' || c.relname, string_agg(k.columns, '; ' ORDER BY k.is_primary DESC, k.columns)
        FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN LATERAL (
            SELECT i.indisprimary AS is_primary,
                string_agg(pg_get_indexdef(i.indexrelid, position, true), ', ' ORDER BY position) AS columns
            FROM pg_index i, generate_series(1, i.indnkeyatts) position
            WHERE i.indrelid = c.oid AND i.indisunique
            GROUP BY i.indexrelid, i.indisprimary) k ON true
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
            AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
        GROUP BY 1
        ORDER BY 1
        """;

    [Fact]
    public async Task Every_table_is_in_the_document_with_its_keys_and_a_place_that_they_allow()
    {
        var document = await File.ReadAllTextAsync(
            Path.Combine(BuiltPrograms.Repository, "docs", "scaling.md"), TestContext.Current.CancellationToken);
        var rows = Row().Matches(document)
            .Select(row => (Table: row.Groups[1].Value, Place: row.Groups[2].Value, Keys: row.Groups[3].Value))
            .OrderBy(row => row.Table, StringComparer.Ordinal)
            .ToList();

        var tables = new List<(string Table, string Keys)>();
        await using var database = NpgsqlDataSource.Create(
            await server.CreateDatabaseAsync(TestContext.Current.CancellationToken));
        await using var command = database.CreateCommand(SelectKeys);
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
        {
            tables.Add((reader.GetString(0), reader.GetString(1)));
        }

        Assert.Equal(
            tables.OrderBy(table => table.Table, StringComparer.Ordinal),
            rows.Select(row => (row.Table, row.Keys.Replace("`", ""))));
        Assert.All(rows, row => Assert.Contains(
            row.Place, new[] { "by cluster", "by cluster, with another key", "reference", "coordinator" }));
        Assert.All(rows.Where(row => row.Place == "by cluster"), row =>
            Assert.All(row.Keys.Split(';'), key => Assert.Contains("cluster_id", key, StringComparison.Ordinal)));
    }

    [GeneratedRegex(@"^\| `([a-z_]+\.[a-z_]+)` \| ([a-z ,]+) \| (.+) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();
}

using System.Text.RegularExpressions;

namespace Tracking.Database.Tests;

/// <summary>The previous version runs on the next version's schema: a migration takes nothing away that it reads and
/// asks for nothing that it does not write (docs/decisions/0007-migrations.md).</summary>
public sealed partial class MigrationsOnlyExpandTests
{
    // A statement under such a comment may contract: it says since which version nobody needs what it takes away.
    private const string Reason = "-- contracts: ";

    /// <summary>All that come after the first, which makes the schema.</summary>
    public static TheoryData<string> Later => [.. Migrator.Embedded().Skip(1).Select(migration => migration.Name),
        "the example"];

    [Theory]
    [MemberData(nameof(Later))]
    public void A_migration_takes_nothing_away_that_the_previous_version_needs(string name)
    {
        var sql = Migrator.Embedded().FirstOrDefault(migration => migration.Name == name)?.Sql
            ?? """
               CREATE TABLE ingest.next (id integer PRIMARY KEY, name text NOT NULL UNIQUE);
               CREATE UNIQUE INDEX next_name ON ingest.next (lower(name));
               ALTER TABLE ingest.events ADD COLUMN a text, ADD COLUMN b integer NOT NULL DEFAULT 0;
               CREATE INDEX events_a ON ingest.events (a);
               ALTER TABLE ingest.events ALTER COLUMN vendor DROP NOT NULL;
               -- contracts: nothing reads it since 1.3
               ALTER TABLE ingest.events DROP COLUMN vendor;
               """;
        Assert.Empty(Contractions(sql));
    }

    [Theory]
    [InlineData("DROP TABLE ingest.batches")]
    [InlineData("ALTER TABLE ingest.events DROP COLUMN vendor")]
    [InlineData("ALTER TABLE ingest.events DROP vendor")]
    [InlineData("ALTER TABLE ingest.events\n    RENAME COLUMN vendor TO maker")]
    [InlineData("ALTER TABLE ingest.events RENAME TO clicks")]
    [InlineData("ALTER TABLE ingest.events ALTER COLUMN ordinal TYPE integer")]
    [InlineData("ALTER TABLE ingest.events ALTER ordinal SET DATA TYPE integer")]
    [InlineData("alter table ingest.events alter column vendor set not null")]
    [InlineData("ALTER TABLE ingest.events ADD COLUMN a text NOT NULL")]
    [InlineData("ALTER TABLE ingest.events ADD COLUMN a text DEFAULT '', ADD b text NOT NULL")]
    [InlineData("ALTER TABLE ingest.events ADD CONSTRAINT c CHECK (ordinal > 0)")]
    [InlineData("ALTER TABLE ingest.events ADD CHECK (ordinal > 0)")]
    [InlineData("CREATE UNIQUE INDEX only_one ON ingest.events (message_key)")]
    [InlineData("DROP FUNCTION ingest.create_month(timestamptz)")]
    [InlineData("ALTER TABLE ingest.events ALTER COLUMN vendor DROP DEFAULT")]
    [InlineData("TRUNCATE ingest.batches")]
    [InlineData("DELETE FROM ingest.batches")]
    public void What_takes_away_or_demands_is_found(string statement) =>
        Assert.Single(Contractions($"-- Why.\nSELECT 1;\n{statement};\nSELECT 2;"));

    private static List<string> Contractions(string sql)
    {
        var created = Created().Matches(sql).Select(match => match.Groups[1].Value).ToList();
        return [.. Bodies().Replace(sql, "$$$$").Split(';')
            .Where(statement => !statement.Contains(Reason, StringComparison.Ordinal))
            .Select(statement => Comment().Replace(statement, "").Trim())
            .Where(statement => Contracting().IsMatch(statement)
                || AddedColumn().Matches(statement).Any(column => DemandedOnly(column.Value)))
            .Where(statement => !created.Exists(table => statement.Contains($" {table} ", StringComparison.Ordinal)))];
    }

    private static bool DemandedOnly(string column) =>
        column.Contains("NOT NULL", StringComparison.OrdinalIgnoreCase)
        && !column.Contains("DEFAULT", StringComparison.OrdinalIgnoreCase)
        && !column.Contains("GENERATED", StringComparison.OrdinalIgnoreCase);

    // Dropping a demand is no contraction.
    [GeneratedRegex(
        @"^\s*DROP\b|^\s*TRUNCATE\b|^\s*DELETE\b|\bRENAME\b|\bDROP\s+(?!NOT\s+NULL)|\bTYPE\b|\bSET\s+NOT\s+NULL\b"
        + @"|\bADD\s+(CONSTRAINT|CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE)\b|\bCREATE\s+UNIQUE\b",
        RegexOptions.IgnoreCase)]
    private static partial Regex Contracting();

    [GeneratedRegex(@"\bADD\s+[^,;]+", RegexOptions.IgnoreCase)]
    private static partial Regex AddedColumn();

    [GeneratedRegex(@"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?([\w.]+)", RegexOptions.IgnoreCase)]
    private static partial Regex Created();

    [GeneratedRegex("--[^\n]*")]
    private static partial Regex Comment();

    // What a function or block does is read by people.
    [GeneratedRegex(@"\$(\w*)\$.*?\$\1\$", RegexOptions.Singleline)]
    private static partial Regex Bodies();
}

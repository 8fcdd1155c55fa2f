namespace Tracking.Database.Tests;

public sealed class MigrationTests
{
    [Fact]
    public void Migrations_in_the_build_are_numbered_from_one_without_gaps() => Assert.Equal(
        Enumerable.Range(1, Migrator.Embedded().Count), Migrator.Embedded().Select(migration => migration.Number));

    [Fact]
    public void A_checksum_is_that_of_the_text() => Assert.NotEqual(
        new Migration("0001_a.sql", "SELECT 1").Checksum, new Migration("0001_a.sql", "SELECT 2").Checksum);
}

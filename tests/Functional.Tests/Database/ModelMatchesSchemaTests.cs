using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Tracking.Database;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Database;

public sealed class ModelMatchesSchemaTests(TestPostgres server)
{
    // Excluded: partitions, the migrator's own table, and the tables of certificates and webhooks, which are used by
    // SQL only and have no entity.
    private const string OwnTables =
        """
        t.relkind IN ('r', 'p') AND NOT t.relispartition
            AND s.nspname !~ '^pg_' AND s.nspname NOT IN ('information_schema', 'certificates', 'webhooks')
            AND t.relname <> 'tracking_migrations'
        """;

    [Fact]
    public async Task Every_column_of_the_model_is_in_the_schema_and_the_other_way_round()
    {
        await using var database = await SomeDatabase.CreateAsync(server);
        await using var model = Model(database);
        var inModel = Entities(model).SelectMany(entity => entity.GetProperties().Select(property =>
            $"{NameOf(entity)}.{property.GetColumnName()} {property.GetColumnType()}"
            + (property.IsColumnNullable() ? "" : " NOT NULL")));

        var inSchema = await database.LinesAsync(
            $"""
            SELECT s.nspname || '.' || t.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
                || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
            FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid JOIN pg_namespace s ON s.oid = t.relnamespace
            WHERE a.attnum > 0 AND NOT a.attisdropped AND {OwnTables}
            """);

        AssertSame(inModel, inSchema);
    }

    [Fact]
    public async Task Every_key_of_the_model_is_the_primary_key_of_its_table()
    {
        await using var database = await SomeDatabase.CreateAsync(server);
        await using var model = Model(database);
        var inModel = Entities(model).Select(entity => $"{NameOf(entity)} ({string.Join(
            ", ", entity.FindPrimaryKey()!.Properties.Select(property => property.GetColumnName()))})");

        var inSchema = await database.LinesAsync(
            $"""
            SELECT s.nspname || '.' || t.relname || ' (' || coalesce((
                SELECT string_agg(a.attname, ', ' ORDER BY k.n)
                FROM pg_constraint c, unnest(c.conkey) WITH ORDINALITY k (attnum, n), pg_attribute a
                WHERE c.conrelid = t.oid AND c.contype = 'p' AND a.attrelid = t.oid AND a.attnum = k.attnum), '') || ')'
            FROM pg_class t JOIN pg_namespace s ON s.oid = t.relnamespace WHERE {OwnTables}
            """);

        AssertSame(inModel, inSchema);
    }

    [Fact]
    public async Task Every_table_of_the_model_can_be_read()
    {
        await using var database = await SomeDatabase.CreateAsync(server);
        await using var model = Model(database);
        var token = TestContext.Current.CancellationToken;

        Assert.Empty(await model.Clusters.ToListAsync(token));
        Assert.Empty(await model.SendingDomains.ToListAsync(token));
        Assert.Empty(await model.ApiKeys.ToListAsync(token));
        Assert.Empty(await model.SigningKeys.ToListAsync(token));
        Assert.Empty(await model.Destinations.ToListAsync(token));
        Assert.Empty(await model.Messages.ToListAsync(token));
        Assert.Empty(await model.Events.ToListAsync(token));
        Assert.Empty(await model.Batches.ToListAsync(token));
        Assert.Empty(await model.Edges.ToListAsync(token));
        Assert.Empty(await model.RejectedEvents.ToListAsync(token));
        Assert.Empty(await model.LinkHours.ToListAsync(token));
        Assert.Empty(await model.Counts.ToListAsync(token));
        Assert.Empty(await model.CountChanges.ToListAsync(token));
        Assert.Empty(await model.MessageCounts.ToListAsync(token));
        Assert.Empty(await model.MessageDays.ToListAsync(token));
        Assert.Empty(await model.Statistics.ToListAsync(token));
        Assert.Empty(await model.TrackingDomains.ToListAsync(token));
        Assert.Empty(await model.DomainChecks.ToListAsync(token));
        Assert.Empty(await model.DomainNotices.ToListAsync(token));
        Assert.Empty(await model.AuditLog.ToListAsync(token));
    }

    private static TrackingDb Model(SomeDatabase database) =>
        new(new DbContextOptionsBuilder<TrackingDb>().UseNpgsql(database.DataSource).Options);

    private static IEnumerable<IEntityType> Entities(TrackingDb model) => model.Model.GetEntityTypes();

    private static string NameOf(IEntityType entity) => $"{entity.GetSchema()}.{entity.GetTableName()}";

    private static void AssertSame(IEnumerable<string> model, IEnumerable<string> schema)
    {
        var (inModel, inSchema) = (model.ToHashSet(), schema.ToHashSet());
        var differences = inModel.Except(inSchema).Select(line => $"only in the model: {line}")
            .Concat(inSchema.Except(inModel).Select(line => $"only in the schema: {line}"));
        Assert.Empty(differences.Order(StringComparer.Ordinal));
        Assert.NotEmpty(inSchema);
    }
}

using System.Diagnostics.Metrics;
using Npgsql;
using Tracking.EventIngest;
using Tracking.Servers;

namespace Tracking.Functional.Tests.EventIngest;

public sealed class IngestTelemetryTests(TestPostgres server)
{
    [Fact]
    public async Task Stored_refused_and_repeated_are_counted_and_the_lag_is_measured()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var sums = new Dictionary<string, double>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                // Other tests run at the same time, each with its own meters.
                if (instrument.Meter.Name == IngestTelemetry.Name && instrument.Meter.Scope == database.Meters)
                {
                    l.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(
            string.Join(' ', [instrument.Name, .. tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}")]), value));
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) =>
        {
            Add(instrument.Name + " samples", 1);
            Add(instrument.Name, value);
        });
        listener.Start();

        var events = database.Events(9).Select(e => e with { Time = e.Time.AddSeconds(-100) });
        var batch = SomeEvents.Batch(
            database.Edge, 1, events.Append(database.Event() with { Ordinal = ushort.MaxValue }));
        await database.StoreAsync(batch);
        await database.StoreAsync(batch);
        await database.StoreAsync(batch with { EdgeId = Guid.NewGuid() });

        Assert.InRange(sums["tracking.ingest.lag"], 900, 1800);
        sums.Remove("tracking.ingest.lag");
        Assert.Equal(
            new Dictionary<string, double>
            {
                ["tracking.ingest.batches"] = 2,
                ["tracking.ingest.events"] = 9,
                ["tracking.ingest.rejected reason=ordinal-out-of-range"] = 2,
                ["tracking.ingest.repeats"] = 9,
                ["tracking.ingest.lag samples"] = 9,
                ["tracking.ingest.duplicates"] = 1,
            },
            sums);

        void Add(string name, double value) => sums[name] = sums.GetValueOrDefault(name) + value;
    }

    [Fact]
    public async Task Months_ahead_are_told_once_they_are_known_and_a_missing_one_is_not_counted()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var told = new List<long>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Name == "tracking.ingest.months.ahead" && instrument.Meter.Scope == database.Meters)
                {
                    l.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, value, _, _) => told.Add(value));
        listener.Start();

        listener.RecordObservableInstruments();
        Assert.Empty(told);

        database.Settings.MonthsAhead = 4;
        await database.Partitions.RunAsync(TestContext.Current.CancellationToken);
        listener.RecordObservableInstruments();

        // A lock on the default partition prevents the creation of the month.
        await using var connection = await database.DataSource.OpenConnectionAsync(
            TestContext.Current.CancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using var holding = connection.CreateCommand();
        holding.CommandText = "LOCK TABLE ingest.events_default IN SHARE MODE";
        await holding.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        database.Settings.MonthsAhead = 6;
        database.Settings.LongestLockWait = TimeSpan.FromMilliseconds(100);
        await Assert.ThrowsAsync<PostgresException>(
            () => database.Partitions.RunAsync(TestContext.Current.CancellationToken));
        listener.RecordObservableInstruments();

        Assert.Equal([4, 4], told);
    }
}

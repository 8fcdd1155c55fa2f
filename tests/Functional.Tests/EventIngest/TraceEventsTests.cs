using System.Diagnostics;
using Tracking.EventIngest;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.EventIngest;

public sealed class TraceEventsTests(TestPostgres server)
{
    [Fact]
    public async Task A_sampled_event_becomes_a_child_of_its_click_linked_to_the_trace_of_its_message()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        byte[] rewriting = [.. Enumerable.Range(1, 24).Select(b => (byte)b)];
        byte[] click = [.. Enumerable.Range(101, 24).Select(b => (byte)b)];
        var message = new MessageKey(7, 7);
        await database.ExecuteAsync(
            """
            INSERT INTO rewrite.messages (cluster_id, message_key, id_hash, content_hash, message_id, host, link_count,
                opens_tracked, link_map, trace)
            VALUES ($1, $2, '', '', '', '', 0, false, '', $3)
            """,
            database.Cluster.Value, message.ToBytes(), rewriting);

        var spans = await ConsumeAsync(
            database,
            database.Event() with { Message = message, Trace = click },
            database.Event() with { Message = new MessageKey(8, 8), Trace = click },
            database.Event());

        Assert.Equal(2, spans.Count);
        Assert.All(spans, span =>
        {
            Assert.Equal("store event", span.OperationName);
            Assert.Equal(ActivityKind.Consumer, span.Kind);
            Assert.Equal(Convert.ToHexStringLower(click.AsSpan(0, 16)), span.TraceId.ToHexString());
            Assert.Equal(Convert.ToHexStringLower(click.AsSpan(16)), span.ParentSpanId.ToHexString());
        });
        var link = Assert.Single(spans[0].Links).Context;
        Assert.Equal(Convert.ToHexStringLower(rewriting.AsSpan(0, 16)), link.TraceId.ToHexString());
        Assert.Equal(Convert.ToHexStringLower(rewriting.AsSpan(16)), link.SpanId.ToHexString());
        Assert.Empty(spans[1].Links);
    }

    [Fact]
    public async Task A_burst_of_sampled_events_gets_only_so_many_spans()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var burst = Enumerable.Range(0, database.Settings.SpansPerBatch + 20)
            .Select(_ => database.Event() with { Trace = [.. Enumerable.Repeat((byte)1, 24)] });

        Assert.Equal(database.Settings.SpansPerBatch, (await ConsumeAsync(database, [.. burst])).Count);
    }

    private static async Task<List<Activity>> ConsumeAsync(IngestDatabase database, params SomeEvent[] events)
    {
        // Other tests run at the same time: only spans of this test's edge count.
        var edge = database.Edge.ToString();
        var spans = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == IngestTelemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = span =>
            {
                if (span.GetTagItem("tracking.edge.id") as string == edge)
                {
                    spans.Add(span);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        await database.Consume.RunAsync(
            SomeEvents.Batch(database.Edge, 1, events), (_, _) => Task.CompletedTask,
            TestContext.Current.CancellationToken);
        return spans;
    }
}

using System.Collections.Concurrent;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Tracking.Bus;
using Tracking.Contracts;
using Tracking.RedirectEdge.Tests.Events;

namespace Tracking.RedirectEdge.Tests;

/// <summary>A replacement for EventIngest on the same bus, without a database.</summary>
internal sealed class StandInIngest
{
    private readonly ConcurrentDictionary<(Guid Edge, long Sequence), StoreEventBatch> _stored = new();
    private readonly ConcurrentDictionary<(Guid Edge, long Sequence), int> _deliveries = new();

    public Func<(long Sequence, int Deliveries), bool> Lose { get; init; } = _ => false;

    public bool AnswerTwice { get; init; }

    public int LargestInFlight { get; private set; }

    public IReadOnlyCollection<StoreEventBatch> Stored => [.. _stored.Values.OrderBy(batch => batch.Sequence)];

    public IReadOnlyList<string> StoredMarkers => [.. Stored.SelectMany(Markers)];

    public static IReadOnlyList<string> Markers(StoreEventBatch batch) => TestSpool.Read(batch.Events).Markers;

    public void AddTo(WebApplicationBuilder builder) => builder.Services.AddSingleton(
        new BusEndpoint(QueueNames.StoreEvents, (_, queue) => queue.Handler<StoreEventBatch>(StoreAsync)));

    private async Task StoreAsync(ConsumeContext<StoreEventBatch> context)
    {
        var batch = context.Message;
        var key = (batch.EdgeId, batch.Sequence);
        var deliveries = _deliveries.AddOrUpdate(key, 1, (_, before) => before + 1);
        LargestInFlight = Math.Max(LargestInFlight, _deliveries.Keys.Count(other =>
            other.Edge == batch.EdgeId && other.Sequence >= batch.AcknowledgedBelow));
        var stored = _stored.GetOrAdd(key, batch);
        Assert.Equal(stored.Events, batch.Events);
        if (Lose((batch.Sequence, deliveries)))
        {
            return;
        }

        var endpoint = await context.GetSendEndpoint(Messaging.Queue(QueueNames.Acknowledgements(batch.EdgeId)));
        for (var i = 0; i < (AnswerTwice ? 2 : 1); i++)
        {
            await endpoint.Send(new EventBatchStored
            {
                Id = Guid.NewGuid(),
                EdgeId = batch.EdgeId,
                Sequence = batch.Sequence,
            });
        }
    }
}

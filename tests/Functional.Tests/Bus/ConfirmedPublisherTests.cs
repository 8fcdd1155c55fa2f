using System.Text;
using Microsoft.Extensions.DependencyInjection;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using Tracking.Bus;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Bus;

/// <summary>A broker that takes small messages only, for the tests of one class.</summary>
public sealed class NarrowRabbit : IAsyncDisposable
{
    public const int MaxMessageSize = 20_000;

    public TestRabbit Broker { get; } = new() { Settings = [$"max_message_size = {MaxMessageSize}"] };

    public ValueTask DisposeAsync() => Broker.DisposeAsync();
}

/// <summary>Many publishes at the same time on one connection. Each gets the result of its own message.</summary>
public sealed class ConfirmedPublisherTests(NarrowRabbit narrow) : IClassFixture<NarrowRabbit>
{
    private const string There = "there";
    private const string Nowhere = "nowhere";
    private const string Full = "full";

    private static CancellationToken Ends => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Each_of_many_outstanding_messages_gets_its_own_outcome(bool areAlike)
    {
        var broker = await BrokerAsync();
        await using var host = await BusHost.StartAsync(broker);
        var publisher = host.Services.GetRequiredService<ConfirmedPublisher>();

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 600).Select(async i => (
            Queue: Queue(i),
            Outcome: await publisher.PublishAsync(
                "", Queue(i), Properties(areAlike ? 0 : i), Encoding.ASCII.GetBytes(areAlike ? "alike" : $"{i}")))));

        Assert.All(outcomes, each => Assert.Equal(
            each.Queue switch
            {
                There => PublishOutcome.Confirmed,
                Nowhere => PublishOutcome.Unroutable,
                _ => PublishOutcome.Refused,
            },
            each.Outcome));
        Assert.Equal(200, await broker.CountReadyAsync(There, Ends));

        // The publisher added no header of its own. The broker added the count.
        var taken = await broker.TakeAsync(There, Ends);
        Assert.Equal(["x-delivery-count", "x-own"], taken.Properties.Headers!.Keys.Order());

        static string Queue(int i) => (i % 3) switch { 0 => There, 1 => Nowhere, _ => Full };
    }

    [Fact]
    public async Task A_message_that_is_too_large_for_the_broker_does_not_make_others_fail()
    {
        var broker = await BrokerAsync();
        await using var host = await BusHost.StartAsync(broker);
        var publisher = host.Services.GetRequiredService<ConfirmedPublisher>();

        // The too large message may break the channel of others, whose messages are then sent again.
        var first = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => UntilAnsweredAsync(
            publisher, i, new byte[i == 7 ? NarrowRabbit.MaxMessageSize + 1 : 100])));
        Assert.All(first.Index(), each => Assert.Equal(
            each.Index == 7 ? PublishOutcome.TooLarge : PublishOutcome.Confirmed, each.Item));
        var before = await broker.CountReadyAsync(There, Ends);

        for (var round = 0; round < 3; round++)
        {
            var outcomes = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => publisher.PublishAsync(
                "", There, Properties(i), new byte[i % 50 == 7 ? NarrowRabbit.MaxMessageSize + 1 : 100])));

            Assert.All(outcomes.Index(), each => Assert.Equal(
                each.Index % 50 == 7 ? PublishOutcome.TooLarge : PublishOutcome.Confirmed, each.Item));
        }

        Assert.Equal(before + (3 * 98), await broker.CountReadyAsync(There, Ends));
    }

    [Fact]
    public async Task A_message_that_cannot_be_encoded_fails_alone()
    {
        var broker = await BrokerAsync();
        await using var host = await BusHost.StartAsync(broker);
        var publisher = host.Services.GetRequiredService<ConfirmedPublisher>();
        var wrong = new BasicProperties { Headers = new Dictionary<string, object?> { ["x-own"] = new Version(1, 0) } };

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 100).Select(async i =>
        {
            try
            {
                return (PublishOutcome?)await publisher.PublishAsync(
                    "", i % 2 == 0 ? There : Nowhere, i % 10 == 3 ? wrong : Properties(i), new byte[10]);
            }
            catch (WireFormattingException)
            {
                return null;
            }
        }));

        Assert.All(outcomes.Index(), each => Assert.Equal(
            (each.Index % 10, each.Index % 2) switch
            {
                (3, _) => null,
                (_, 0) => PublishOutcome.Confirmed,
                _ => (PublishOutcome?)PublishOutcome.Unroutable,
            },
            each.Item));
    }

    private static async Task<PublishOutcome> UntilAnsweredAsync(ConfirmedPublisher publisher, int i, byte[] body)
    {
        while (true)
        {
            Ends.ThrowIfCancellationRequested();
            try
            {
                return await publisher.PublishAsync("", There, Properties(i), body);
            }
            catch (NotConfirmedException)
            {
                // The caller does not know whether the message arrived, so both are allowed.
            }
        }
    }

    private static BasicProperties Properties(int i) => new()
    {
        MessageId = $"{i}",
        Headers = new Dictionary<string, object?> { ["x-own"] = i },
    };

    private async Task<TestVirtualHost> BrokerAsync()
    {
        var broker = await narrow.Broker.CreateVirtualHostAsync(Ends);
        await using var connection = await broker.ConnectAsync(Ends);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Ends);
        await channel.QueueDeclareAsync(
            There, durable: true, exclusive: false, autoDelete: false,
            new Dictionary<string, object?> { ["x-queue-type"] = "quorum" }, cancellationToken: Ends);
        await channel.QueueDeclareAsync(
            Full, durable: true, exclusive: false, autoDelete: false,
            new Dictionary<string, object?> { ["x-max-length"] = 0, ["x-overflow"] = "reject-publish" },
            cancellationToken: Ends);
        return broker;
    }
}

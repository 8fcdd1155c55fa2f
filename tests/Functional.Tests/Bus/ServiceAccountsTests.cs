using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using Tracking.Contracts;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Bus;

/// <summary>The missing permissions of the broker's users that <c>deploy/make-secrets</c> makes. The tests of whole
/// deployments show that their permissions are sufficient.</summary>
public sealed class ServiceAccountsTests(TestRabbit rabbit, MadeSecrets made) : IClassFixture<MadeSecrets>
{
    private static readonly string[] _services =
        ["rewrite", "edge", "ingest", "management", "verifier", "certificates"];

    private static readonly string _edge = QueueNames.Acknowledgements(Guid.NewGuid());

    private static readonly string _checks = $"{QueueNames.Checks}{Guid.NewGuid():N}";

    private static readonly string _previews = $"{QueueNames.Previews}{Guid.NewGuid():N}";

    private static CancellationToken Ends => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_service_reads_and_removes_its_own_queues_alone_and_only_senders_may_send_to_any()
    {
        var broker = await rabbit.CreateVirtualHostAsync(Ends);
        await broker.AddAccountsAsync(made.Read("rabbitmq_definitions.json"), Ends);
        foreach (var (queue, owner) in ((string, string)[])
        [
            (QueueNames.Rewrite, "rewrite"), (QueueNames.RewriteAlone, "rewrite"), ("rewrite.dead", "rewrite"),
            (QueueNames.Rewritten, "rewrite"),
            (QueueNames.StoreEvents, "ingest"), ("store-events.dead", "ingest"), (_edge, "edge"),
            (_checks, "management"), (_previews, "management"), (QueueNames.PreviewMessages, "rewrite"),
            (QueueNames.VerifyDomains, "verifier"), ("verify-domains.dead", "verifier"),
            (QueueNames.CheckNames, "verifier"),
            (QueueNames.OrderCertificates, "certificates"), ("order-certificates.dead", "certificates"),
        ])
        {
            Assert.Equal([owner], await WhoMayAsync(broker, queue, c => c.BasicGetAsync(queue, autoAck: false, Ends)));
            Assert.Equal([owner], await WhoMayAsync(
                broker, queue, c => c.QueueDeleteAsync(queue, cancellationToken: Ends)));
        }

        Assert.Equal(
            ["rewrite", "edge", "ingest", "management", "verifier", "certificates"],
            await WhoMayAsync(broker, "some", async c => await c.BasicPublishAsync(
                "", "some", mandatory: true, ReadOnlyMemory<byte>.Empty, Ends)));
    }

    private async Task<List<string>> WhoMayAsync(TestVirtualHost broker, string queue, Func<IChannel, Task> action)
    {
        await using var administrator = await broker.ConnectAsync(Ends);
        await using var declaring = await administrator.CreateChannelAsync(cancellationToken: Ends);
        var may = new List<string>();
        foreach (var service in _services)
        {
            await declaring.QueueDeclareAsync(
                queue, durable: true, exclusive: false, autoDelete: false, cancellationToken: Ends);
            var uri = new UriBuilder(broker.AmqpUri)
            {
                UserName = service,
                Password = made.Read(
                $"rabbitmq_{service}")
            };
            await using var connection = await new ConnectionFactory
            {
                Uri = uri.Uri,
                AutomaticRecoveryEnabled = false,
            }.CreateConnectionAsync(Ends);
            await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(true, true), Ends);
            try
            {
                await action(channel);
                may.Add(service);
            }
            catch (OperationInterruptedException refused)
                when (refused.ShutdownReason?.ReplyCode == Constants.AccessRefused)
            {
                // The expected refusal.
            }
        }

        return may;
    }
}

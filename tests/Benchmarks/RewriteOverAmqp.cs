using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using Npgsql;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Benchmarks;

/// <summary>
/// Measures the messages per second from the queue <c>rewrite</c> to <c>rewritten</c>, and the time of each. The
/// baseline is a MassTransit consumer that only forwards the same bytes, with its own settings and with the rewriter's,
/// in the default JSON form and in the raw form of the rewriter. Each consumer is a separate process. Publisher,
/// broker, PostgreSQL and consumers share the machine.
/// </summary>
internal static class RewriteOverAmqp
{
    public const int Rounds = 5;

    // As many messages as two consumers process at the same time. A busy MTA keeps about as many outstanding.
    public static readonly int Outstanding = 2 * ForwardMail.Concurrency;

    // Rounds until the most frequent code is fully optimised, in five processes.
    private const int WarmUps = 2;

    private static readonly string _master = Convert.ToBase64String(new byte[MasterKey.Size]);

    public static async Task RunAsync(double share)
    {
        using var folder = new TemporaryFolder();
        await using var postgres = new TestPostgres { IsDurable = true };
        await using var broker = new TestRabbit();
        var results = new List<AmqpFigures>();
        foreach (var (letter, messages) in ((byte[], int)[])[(Newsletter(), 5_000), (Short(), 15_000)])
        {
            results.Add(await MeasureAsync(letter, (int)(messages * share), postgres, broker, folder.Path));
        }

        await AmqpFigures.WriteAsync(results);
    }

    private static async Task<AmqpFigures> MeasureAsync(
        byte[] letter, int messages, TestPostgres postgres, TestRabbit broker, string folder)
    {
        var database = await postgres.CreateDatabaseAsync(default);
        await FirstKey.MakeAsync(database);
        var cluster = await AddClusterAsync(database);
        var (bare, tuned, one, two) = (
            await broker.CreateVirtualHostAsync(default),
            await broker.CreateVirtualHostAsync(default),
            await broker.CreateVirtualHostAsync(default),
            await broker.CreateVirtualHostAsync(default));
        using var bareForwarder = await ForwardMail.StartAsync(bare, folder, isTuned: false);
        using var tunedForwarder = await ForwardMail.StartAsync(tuned, folder, isTuned: true);
        using var single = await StartRewriterAsync(database, one, folder);
        using var first = await StartRewriterAsync(database, two, folder);
        using var second = await StartRewriterAsync(database, two, folder);
        foreach (var queue in (string[])[ForwardMail.JsonIn, ForwardMail.RawIn])
        {
            await UntilConsumedAsync(bare, queue, 1, bareForwarder);
            await UntilConsumedAsync(tuned, queue, 1, tunedForwarder);
        }

        await UntilConsumedAsync(one, "rewrite", 1, single);
        await UntilConsumedAsync(two, "rewrite", 2, first, second);

        var campaign = new Campaign(letter, "7f3a91");
        var figures = new AmqpFigures(letter.Length) { IdleMemory = ResidentBytes(single) };
        var envelope = Enumerable.Repeat(ForwardMail.Envelope(letter), messages).ToList();
        var raw = Enumerable.Repeat(letter, messages).ToList();
        for (var round = -WarmUps; round < Rounds; round++)
        {
            AmqpRun[] runs =
            [
                await ForwardAsync(bareForwarder, bare, isRaw: false),
                await ForwardAsync(bareForwarder, bare, isRaw: true),
                await ForwardAsync(tunedForwarder, tuned, isRaw: false),
                await ForwardAsync(tunedForwarder, tuned, isRaw: true),
                await RewriteAsync([single], one, campaign, messages, cluster),
                await RewriteAsync([first, second], two, campaign, messages, cluster),
            ];
            if (round >= 0)
            {
                figures.Add(runs);
            }
        }

        figures.LoadedMemory = ResidentBytes(single);
        return figures;

        Task<AmqpRun> ForwardAsync(ServerProcess forwarder, TestVirtualHost host, bool isRaw) => isRaw
            ? RunAsync([forwarder], host, ForwardMail.RawIn, ForwardMail.RawOut, "message/rfc822", raw)
            : RunAsync([forwarder], host, ForwardMail.JsonIn, ForwardMail.JsonOut, ForwardMail.EnvelopeType, envelope);
    }

    // Every letter has another name and another link to unsubscribe.
    private static Task<AmqpRun> RewriteAsync(
        ServerProcess[] rewriters, TestVirtualHost host, Campaign campaign, int messages, ClusterId cluster)
    {
        var letters = new List<byte[]>(messages);
        for (var i = 0; i < messages; i++)
        {
            campaign.Next();
            letters.Add([.. campaign.Message]);
        }

        return RunAsync(rewriters, host, "rewrite", "rewritten", "message/rfc822", letters, cluster);
    }

    // Keeps a fixed number of messages outstanding until all outputs have arrived. The id identifies a message.
    private static async Task<AmqpRun> RunAsync(
        ServerProcess[] consumers,
        TestVirtualHost host,
        string into,
        string outOf,
        string contentType,
        List<byte[]> bodies,
        ClusterId? cluster = null)
    {
        await using var connection = await host.ConnectAsync(default);
        await using var publisher = await connection.CreateChannelAsync();
        await using var consumer = await connection.CreateChannelAsync();
        var sent = new ConcurrentDictionary<string, long>();
        var times = new ConcurrentBag<double>();
        using var window = new SemaphoreSlim(Outstanding);
        var unexpected = new ConcurrentBag<string>();
        var received = new AsyncEventingBasicConsumer(consumer);
        received.ReceivedAsync += (_, delivery) =>
        {
            if (delivery.Redelivered)
            {
                // The previous round got this output but ended before its acknowledgement. A second output would not be
                // marked as redelivered.
                return Task.CompletedTask;
            }

            var headers = delivery.BasicProperties.Headers!;
            if (!sent.TryRemove(Encoding.ASCII.GetString((byte[])headers[ForwardMail.Id]!), out var at))
            {
                unexpected.Add("it came twice");
                return Task.CompletedTask;
            }

            times.Add(Stopwatch.GetElapsedTime(at).TotalMilliseconds);
            if (cluster is not null && headers["tracking-links"] is not > 0L)
            {
                unexpected.Add(Encoding.UTF8.GetString((byte[])headers["tracking-untouched"]!));
            }

            window.Release();
            return Task.CompletedTask;
        };
        await consumer.BasicConsumeAsync(outOf, autoAck: true, received);

        var processor = ProcessorTime(consumers);
        var began = Stopwatch.GetTimestamp();
        foreach (var body in bodies)
        {
            await window.WaitAsync().WaitAsync(TimeSpan.FromMinutes(1));
            var id = Guid.NewGuid().ToString("N");
            var headers = new Dictionary<string, object?> { [ForwardMail.Id] = id };
            if (cluster is not null)
            {
                headers["tracking-cluster"] = cluster.ToString();
            }

            sent[id] = Stopwatch.GetTimestamp();
            await publisher.BasicPublishAsync("", into, mandatory: true, new BasicProperties
            {
                ContentType = contentType,
                MessageId = id,
                DeliveryMode = DeliveryModes.Persistent,
                Headers = headers,
            }, body);
        }

        for (var i = 0; i < Outstanding; i++)
        {
            await window.WaitAsync().WaitAsync(TimeSpan.FromMinutes(1));
        }

        var rate = bodies.Count / Stopwatch.GetElapsedTime(began).TotalSeconds;
        return unexpected.IsEmpty && times.Count == bodies.Count
            ? new AmqpRun(
                rate,
                times.Order().ElementAt((int)(0.99 * (times.Count - 1))),
                (ProcessorTime(consumers) - processor).TotalMicroseconds / bodies.Count)
            : throw new InvalidOperationException(
                $"{unexpected.Count} messages of {into} came out otherwise than sent: {string.Join(", ", unexpected)}\n"
                + string.Concat(consumers.Select(consumer => consumer.Output)));
    }

    private static byte[] Newsletter() => new Newsletter()
        .With("Hello, the first frost", "Hello Anna-7f3a91, the first frost")
        .With("Hello,\r\n", "Hello Anna-7f3a91,\r\n")
        .Message;

    private static byte[] Short() => Encoding.ASCII.GetBytes(
        $"""
        From: Shop <news@example.com>
        Subject: Your order
        MIME-Version: 1.0
        Content-Type: text/html; charset=utf-8
        Content-Transfer-Encoding: 7bit

        <html><body><p>Dear Anna-7f3a91,</p>
        {string.Join('\n', Enumerable.Range(1, 8).Select(n =>
            $"<p><a href=\"https://shop.example.com/articles/{n}?from=order\">Article {n}</a>:\n"
            + string.Join('\n', Enumerable.Repeat("It has been packed and will be with you soon.", 8)) + "</p>"))}
        <p><a href="https://shop.example.com/unsubscribe?reader=7f3a91">Unsubscribe</a></p>
        </body></html>

        """.ReplaceLineEndings("\r\n"));

    private static async Task<ClusterId> AddClusterAsync(string connection)
    {
        var cluster = new ClusterId(7);
        await using var database = NpgsqlDataSource.Create(connection);
        await using var command = database.CreateCommand(
            """
            INSERT INTO management.clusters (id, name, settings)
            VALUES ($1, 'benchmark', '{"trackClicks":true,"trackOpens":true}')
            """);
        command.Parameters.Add(new() { Value = cluster.Value });
        await command.ExecuteNonQueryAsync();
        return cluster;
    }

    private static Task<ServerProcess> StartRewriterAsync(string database, TestVirtualHost host, string folder) =>
        ServerProcess.StartAsync([BuiltPrograms.Service("Rewrite")], folder, new Dictionary<string, string>
        {
            ["ConnectionStrings__tracking"] = database,
            ["ConnectionStrings__rabbitmq"] = host.AmqpUri.AbsoluteUri,
            ["Tracking__MasterKey"] = _master,
            ["ASPNETCORE_URLS"] = "http://127.0.0.1:0",
            ["DOTNET_ROOT"] = Environment.GetEnvironmentVariable("DOTNET_ROOT") ?? "",
            ["HOME"] = folder,
        });

    private static async Task UntilConsumedAsync(
        TestVirtualHost host, string queue, uint consumers, params ServerProcess[] processes)
    {
        await Eventually.HoldsAsync(
            async () => processes.FirstOrDefault(process => process.HasExited) is { } ended
                ? throw new InvalidOperationException(ended.Output)
                : await host.CountReadyAsync(queue, default) >= 0 && await ConsumersAsync(host, queue) == consumers,
            $"{queue} is consumed",
            default,
            TimeSpan.FromMinutes(2));
    }

    private static async Task<uint> ConsumersAsync(TestVirtualHost host, string queue)
    {
        await using var connection = await host.ConnectAsync(default);
        await using var channel = await connection.CreateChannelAsync();
        return await channel.ConsumerCountAsync(queue);
    }

    private static TimeSpan ProcessorTime(ServerProcess[] processes) => processes.Aggregate(
        TimeSpan.Zero, (sum, process) => sum + Process.GetProcessById(process.Id).TotalProcessorTime);

    private static long ResidentBytes(ServerProcess process) => Process.GetProcessById(process.Id).WorkingSet64;
}

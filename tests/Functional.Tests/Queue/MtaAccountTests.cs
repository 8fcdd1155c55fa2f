using System.Text.RegularExpressions;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Queue;

/// <summary>An MTA's account with exactly the permissions of <c>docs/amqp.md</c>, at a real broker. The account can
/// send and receive mail and can do nothing else.</summary>
public sealed partial class MtaAccountTests(TestPostgres postgres, TestRabbit rabbit) : IAsyncLifetime
{
    private const string Batches = "store-events";
    private const string Foreign = "somebody-else";

    private QueueHost _host = null!;

    private static CancellationToken Ends => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _host = await QueueHost.StartAsync(postgres, rabbit);
        await using var connection = await _host.Broker.ConnectAsync(Ends);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Ends);
        foreach (var name in (string[])[Batches, Foreign])
        {
            await channel.QueueDeclareAsync(
                name, durable: true, exclusive: false, autoDelete: false, cancellationToken: Ends);
            await channel.ExchangeDeclareAsync(name, ExchangeType.Fanout, durable: true, cancellationToken: Ends);
            await channel.QueueBindAsync(name, name, "", cancellationToken: Ends);
        }
    }

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    /// <summary>The documented accounts: one that reads <c>rewritten</c>, one with its own answer queue.</summary>
    public static TheoryData<string, string, string> Accounts()
    {
        var page = File.ReadAllText(Path.Combine(BuiltPrograms.Repository, "docs", "amqp.md"));
        var accounts = new TheoryData<string, string, string>();
        foreach (Match line in Permissions().Matches(page))
        {
            accounts.Add(line.Groups[1].Value, line.Groups[2].Value, line.Groups[3].Value);
        }

        Assert.Equal(2, accounts.Count);
        return accounts;
    }

    [Theory]
    [MemberData(nameof(Accounts))]
    public async Task Mail_goes_in_by_the_exchange_and_comes_out(string configure, string write, string read)
    {
        var mta = await _host.Broker.AsNewAccountAsync(configure, write, read, Ends);
        var mail = Mail.Bytes(Mail.Html("in", "https://shop.example/"));

        await PlainClients.AmqpPublishAsync(mta, mail);
        Assert.Contains("track.localhost/c/", Mail.Text(await PlainClients.AmqpGetAsync(mta, "rewritten")));

        // Any routing key works, because some clients require one.
        await PlainClients.AmqpPublishAsync(mta, mail, "-r", "anything");
        Assert.Contains("track.localhost/c/", Mail.Text(await PlainClients.AmqpGetAsync(mta, "rewritten")));
    }

    [Fact]
    public async Task An_account_with_answers_of_its_own_has_them_in_its_own_queue()
    {
        var (configure, write, read) = Accounts().Select(account => account.Data).Last();
        var mta = await _host.Broker.AsNewAccountAsync(configure, write, read, Ends);

        var answer = await PlainClients.PublishAsync(
            mta, Mail.Bytes(Mail.Html("in", "https://shop.example/")), awaited: "");

        Assert.Contains("track.localhost/c/", answer.Text, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Accounts))]
    public async Task An_MTA_account_can_write_read_declare_and_bind_nothing_else(
        string configure, string write, string read)
    {
        var mta = await _host.Broker.AsNewAccountAsync(configure, write, read, Ends);

        // The default exchange routes to every queue of the virtual host by its name.
        foreach (var queue in (string[])[Batches, Foreign, "rewrite", "rewritten", "rewrite.dead"])
        {
            await IsRefusedAsync(mta, channel => PublishAsync(channel, "", queue));
        }

        foreach (var exchange in (string[])
            [Batches, Foreign, "rewritten", "rewrite.dead", "rewritten.dead", "amq.topic", "amq.direct", "amq.fanout"])
        {
            await IsRefusedAsync(mta, channel => PublishAsync(channel, exchange, ""));
        }

        foreach (var queue in (string[])[Batches, Foreign, "rewrite", "rewrite.dead", "rewritten.dead"])
        {
            await IsRefusedAsync(mta, channel => channel.BasicGetAsync(queue, autoAck: false, Ends));
            await IsRefusedAsync(mta, channel => channel.QueuePurgeAsync(queue, Ends));
            await IsRefusedAsync(
                mta, channel => channel.QueueDeleteAsync(queue, false, false, cancellationToken: Ends));
        }

        foreach (var name in (string[])["another", "rewrite2", "not-mta.x", Batches])
        {
            await IsRefusedAsync(mta, channel => DeclareAsync(channel, name));
            await IsRefusedAsync(
                mta, channel => channel.ExchangeDeclareAsync(name, ExchangeType.Fanout, cancellationToken: Ends));
        }

        // These bindings would deliver other senders' mail and batches to this account, or keep its own mail from the
        // rewriter.
        await IsRefusedAsync(mta, channel => channel.QueueBindAsync("rewritten", Batches, "", cancellationToken: Ends));
        await IsRefusedAsync(mta, channel => channel.QueueBindAsync("rewrite", Batches, "", cancellationToken: Ends));
        await IsRefusedAsync(
            mta, channel => channel.ExchangeBindAsync(Batches, "rewrite", "", cancellationToken: Ends));
        await IsRefusedAsync(
            mta, channel => channel.QueueUnbindAsync("rewrite", "rewrite", "", cancellationToken: Ends));
        await IsRefusedAsync(mta, channel => channel.ExchangeDeleteAsync("rewrite", cancellationToken: Ends));

        Assert.Equal(0, await _host.Broker.CountReadyAsync(Batches, Ends));
        Assert.Equal(0, await _host.Broker.CountReadyAsync(Foreign, Ends));
    }

    [Fact]
    public async Task An_own_queue_or_exchange_leads_to_no_foreign_one()
    {
        var (configure, write, read) = Accounts().Select(account => account.Data).Last();
        var mta = await _host.Broker.AsNewAccountAsync(configure, write, read, Ends);

        // With such arguments the broker itself would move messages to places where the account may not write.
        foreach (var exchange in (string[])["", Batches])
        {
            await IsRefusedAsync(mta, channel => DeclareAsync(
                channel,
                "mta.leads-away",
                new() { ["x-dead-letter-exchange"] = exchange, ["x-dead-letter-routing-key"] = Batches }));
            await IsRefusedAsync(mta, channel => channel.ExchangeDeclareAsync(
                "mta.leads-away",
                ExchangeType.Fanout,
                arguments: new Dictionary<string, object?> { ["alternate-exchange"] = exchange },
                cancellationToken: Ends));
        }
    }

    [Theory]
    [InlineData(Batches)]
    [InlineData("store-events.dead")]
    [InlineData("edge-0123456789abcdef0123456789abcdef")]
    [InlineData("edge-0123456789abcdef0123456789abcdef.dead")]
    [InlineData("rewrite")]
    public async Task The_rewriter_refuses_a_reply_to_that_names_a_queue_of_Tracking(string queue)
    {
        var (configure, write, read) = Accounts().Select(account => account.Data).First();
        var mta = await _host.Broker.AsNewAccountAsync(configure, write, read, Ends);
        await using (var connection = await _host.Broker.ConnectAsync(Ends))
        await using (var channel = await connection.CreateChannelAsync(cancellationToken: Ends))
        {
            if (queue != "rewrite")
            {
                await DeclareAsync(channel, queue);
            }
        }

        await PlainClients.PublishAsync(
            mta, Mail.Bytes(Mail.Html("away", "https://shop.example/")), new { reply_to = queue }, awaited: null);

        var dead = await _host.Broker.TakeAsync("rewrite.dead", Ends);
        Assert.Equal("reply_to names a queue of Tracking itself", PlainClients.Text(dead, "tracking-dead-reason"));
        Assert.Equal(0, await _host.Broker.CountReadyAsync(queue, Ends));
    }

    [Fact]
    public async Task Messages_by_the_default_exchange_are_still_rewritten()
    {
        await PlainClients.AmqpPublishAsync(
            _host.Broker, Mail.Bytes(Mail.Html("as before", "https://shop.example/")), "-e", "", "-r", "rewrite");

        Assert.Contains(
            "track.localhost/c/", Mail.Text(await PlainClients.AmqpGetAsync(_host.Broker, "rewritten")));
    }

    private static async Task IsRefusedAsync(TestVirtualHost mta, Func<IChannel, Task> act)
    {
        await using var connection = await mta.ConnectAsync(Ends);
        await using var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(true, true), Ends);
        var refused = await Assert.ThrowsAnyAsync<Exception>(() => act(channel));
        var reason = (refused as OperationInterruptedException)?.ShutdownReason ?? channel.CloseReason;
        Assert.Equal((ushort?)Constants.AccessRefused, reason?.ReplyCode);
    }

    private static Task PublishAsync(IChannel channel, string exchange, string routingKey) =>
        channel.BasicPublishAsync(
            exchange, routingKey, mandatory: true, new BasicProperties(), "not for you"u8.ToArray(), Ends).AsTask();

    private static Task<QueueDeclareOk> DeclareAsync(
        IChannel channel, string queue, Dictionary<string, object?>? arguments = null) =>
        channel.QueueDeclareAsync(
            queue, durable: true, exclusive: false, autoDelete: false, arguments, cancellationToken: Ends);

    [GeneratedRegex("rabbitmqctl set_permissions(?: -p \\S+)? mta '([^']*)' '([^']*)' '([^']*)'")]
    private static partial Regex Permissions();
}

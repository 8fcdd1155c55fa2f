using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using Tracking.Servers;

namespace Tracking.System.Tests.Chaos;

/// <summary>
/// An MTA with a plain AMQP client. It publishes one message after the other to <c>rewrite</c>, waits for each confirm,
/// takes the messages of <c>rewritten</c>, and connects again after a loss of the broker. A message may come out more
/// than once, but always with the same bytes, so that its receiver can drop copies.
/// </summary>
internal sealed class SteadyMail : IAsyncDisposable
{
    private const string In = "rewrite";
    private const string Out = "rewritten";
    private const string IdHeader = "tracking-message-id";

    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(50);

    // The longest wait for a frozen broker: longer than its outage in the short form. Then a new connection is made.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    private readonly TestVirtualHost _bus;
    private readonly string _cluster;
    private readonly string _run;
    private readonly CancellationTokenSource _stopPublishing = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<string> _taken = new();
    private readonly ConcurrentDictionary<string, byte[]> _outputs = new();
    private readonly ConcurrentQueue<string> _wrong = new();
    private readonly Task _publisher;
    private readonly Task _taker;
    private volatile string _last = "";
    private int _number;

    /// <summary>Starts sending at once.</summary>
    /// <param name="bus">The virtual host of the queues.</param>
    /// <param name="cluster">The cluster of the mail.</param>
    /// <param name="run">The beginning of every message's id, because the queues may contain messages of other
    /// runs.</param>
    public SteadyMail(TestVirtualHost bus, string cluster, string run)
    {
        (_bus, _cluster, _run) = (bus, cluster, run);
        _publisher = Task.Run(() => StayConnectedAsync(PublishAsync, _stopPublishing.Token));
        _taker = Task.Run(() => StayConnectedAsync(TakeAsync, _stop.Token));
    }

    /// <summary>The published messages, the confirmed ones and the outputs.</summary>
    public Ledger Messages { get; } = new();

    private string Prefix => _run + "-mail-";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>Waits until a message that is published from now on has come out.</summary>
    public async Task UntilRewrittenAsync(TimeSpan longest)
    {
        var goal = Messages.Acknowledged + 3;
        await Eventually.HoldsAsync(() => Messages.Acknowledged >= goal, "messages are taken", Cancelled, longest);
        var marker = _last;
        await Eventually.HoldsAsync(
            () => _outputs.ContainsKey(marker), $"message {marker} comes out", Cancelled, longest);
    }

    /// <summary>Publishes many further messages at once.</summary>
    /// <param name="count">The number of messages.</param>
    /// <param name="firstIsOut">Called when the first output has arrived. Most others have usually not.</param>
    public async Task PublishBurstAsync(int count, Action firstIsOut)
    {
        await using var connection = await _bus.ConnectAsync(Cancelled);
        await using var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(true, true), Cancelled);
        var before = Volatile.Read(ref _number);
        var burst = Enumerable.Range(0, count).Select(async _ => await PublishAsync(channel, Cancelled)).ToList();
        await Eventually.HoldsAsync(
            () => _outputs.Keys.Any(marker => Number(marker) > before), "the first of a burst is out", Cancelled);
        firstIsOut();
        await Task.WhenAll(burst);
    }

    /// <summary>Stops publishing, waits for the outputs, and checks the ledger.</summary>
    public async Task AssertBalancedAsync(TimeSpan longest)
    {
        await _stopPublishing.CancelAsync();
        await _publisher;
        await Eventually.HoldsAsync(
            async () => Messages.Missing([.. _outputs.Keys]) == 0 && await _bus.CountReadyAsync(In, Cancelled) == 0,
            "every confirmed message has come out",
            Cancelled,
            longest);
        await _stop.CancelAsync();
        await _taker;
        Messages.AssertBalanced([.. _taken], "messages", mayRepeat: true);
        Assert.Empty(_wrong);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopPublishing.CancelAsync();
        await _stop.CancelAsync();
        await Task.WhenAll(_publisher, _taker);
        _stopPublishing.Dispose();
        _stop.Dispose();
    }

    private async Task StayConnectedAsync(Func<IChannel, CancellationToken, Task> work, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await using var connection = await _bus.ConnectAsync(stop).WaitAsync(_patience, stop);
                await using var channel = await connection
                    .CreateChannelAsync(new CreateChannelOptions(true, true), stop).WaitAsync(_patience, stop);
                while (!stop.IsCancellationRequested)
                {
                    // Not cancelled, so that started work is completed.
                    await work(channel, CancellationToken.None).WaitAsync(_patience, CancellationToken.None);
                    await Task.Delay(_pause, stop);
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception away) when (away is RabbitMQClientException or IOException or TimeoutException
                or OperationCanceledException or ObjectDisposedException)
            {
                // The broker is lost, so the connection is given up.
                await Task.Delay(_pause, CancellationToken.None);
            }
        }
    }

    private async Task PublishAsync(IChannel channel, CancellationToken cancellationToken)
    {
        var marker = Prefix + Interlocked.Increment(ref _number).ToString(CultureInfo.InvariantCulture);
        Messages.Attempt(marker);
        var properties = new BasicProperties
        {
            Persistent = true,
            ContentType = "message/rfc822",
            Headers = new Dictionary<string, object?> { ["tracking-cluster"] = _cluster, [IdHeader] = marker },
        };
        var mail = $"From: news@shop.example\r\nSubject: {marker}\r\n\r\nhttps://www.example.com/{marker}\r\n";
        await channel.BasicPublishAsync(
            "", In, mandatory: true, properties, Encoding.ASCII.GetBytes(mail), cancellationToken);
        Messages.Acknowledge(marker);
        _last = marker;
    }

    // Takes all messages. Each is acknowledged after it is in the ledger.
    private async Task TakeAsync(IChannel channel, CancellationToken cancellationToken)
    {
        while (await channel.BasicGetAsync(Out, autoAck: false, cancellationToken) is { } got)
        {
            WriteDown(got.BasicProperties.Headers, got.Body.ToArray());
            await channel.BasicAckAsync(got.DeliveryTag, multiple: false, cancellationToken);
        }
    }

    private int Number(string marker) => int.Parse(marker.AsSpan(Prefix.Length), CultureInfo.InvariantCulture);

    private void WriteDown(IDictionary<string, object?>? headers, byte[] body)
    {
        var marker = Text(IdHeader) ?? "without an id";
        var text = Encoding.ASCII.GetString(body);
        if (!marker.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return;
        }

        _taken.Enqueue(marker);
        if (!_outputs.GetOrAdd(marker, body).AsSpan().SequenceEqual(body))
        {
            _wrong.Enqueue($"{marker} came out in two forms");
        }

        if (Text("tracking-untouched") is { } reason)
        {
            _wrong.Enqueue($"{marker} was not rewritten: {reason}");
        }
        else if (!text.Contains($"\r\nSubject: {marker}\r\n", StringComparison.Ordinal)
            || text.Contains("www.example.com", StringComparison.Ordinal)
            || ReadMail.Urls(body).Count != 1)
        {
            _wrong.Enqueue($"{marker} came out as:\n{text}");
        }

        string? Text(string name) =>
            headers?.TryGetValue(name, out var value) is true && value is byte[] bytes
                ? Encoding.UTF8.GetString(bytes)
                : null;
    }
}

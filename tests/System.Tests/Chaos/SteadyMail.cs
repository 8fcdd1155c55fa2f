using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using Tracking.Servers;

namespace Tracking.System.Tests.Chaos;

/// <summary>
/// An MTA that knows nothing of ours: it publishes a message after the other to <c>rewrite</c>, waits for each
/// confirmation, takes what comes out of <c>rewritten</c>, and connects again whenever the broker has gone. A message
/// may come out more than once, the same each time: so it says to the letter what its receiver needs to know.
/// </summary>
internal sealed class SteadyMail : IAsyncDisposable
{
    private const string In = "rewrite";
    private const string Out = "rewritten";
    private const string IdHeader = "tracking-message-id";

    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(50);

    // For a broker that is frozen: longer than in the short form, and then on a new connection.
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

    /// <summary>Begins at once.</summary>
    /// <param name="bus">Where the queues are.</param>
    /// <param name="cluster">Whose mail it is.</param>
    /// <param name="run">Begins every message's id: the queues may hold other runs' messages.</param>
    public SteadyMail(TestVirtualHost bus, string cluster, string run)
    {
        (_bus, _cluster, _run) = (bus, cluster, run);
        _publisher = Task.Run(() => StayConnectedAsync(PublishAsync, _stopPublishing.Token));
        _taker = Task.Run(() => StayConnectedAsync(TakeAsync, _stop.Token));
    }

    /// <summary>Published, confirmed, come out.</summary>
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

    /// <summary>Publishes many at once beside.</summary>
    /// <param name="count">How many.</param>
    /// <param name="firstIsOut">Called when the first has come out and, as a rule, most have not.</param>
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

    /// <summary>Publishes no more, waits for what is on its way, and asserts the account.</summary>
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
                    // Not cancelled: what is under way is brought to its end.
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
                // The broker has gone: so does the connection.
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

    // All that is there, each acknowledged once it is written down.
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

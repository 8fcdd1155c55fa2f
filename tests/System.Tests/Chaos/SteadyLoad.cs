using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;
using Npgsql;
using Tracking.Servers;

namespace Tracking.System.Tests.Chaos;

/// <summary>
/// Recipients who click and an MTA that sends, without a pause during a scenario, with a ledger of both. A click with a
/// wrong answer or none is an attempt without acknowledgement.
/// </summary>
internal sealed class SteadyLoad : IAsyncDisposable
{
    private const int Readers = 4;
    private const int Links = 20;

    // About 100 clicks a second, which two busy cores can serve besides everything else.
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(40);
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan _longestDrain = TimeSpan.FromMinutes(4);

    private readonly Deployment _deployment;
    private readonly NpgsqlDataSource _database;
    private readonly Recipient _recipient = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly string _run = Guid.NewGuid().ToString("N")[..8];
    private string _cluster = "";
    private List<string> _links = [];
    private Task[] _readers = [];
    private volatile string _last = "";
    private int _unanswered;

    private SteadyLoad(Deployment deployment) =>
        (_deployment, _database) = (deployment, NpgsqlDataSource.Create(deployment.Postgres.ConnectionString));

    /// <summary>Clicks on links that were served before, so that the edge knows them.</summary>
    public Ledger Clicks { get; } = new();

    /// <summary>Messages that are rewritten over the broker at the same time.</summary>
    public SteadyMail Mail { get; private set; } = null!;

    /// <summary>Clicks that got no redirect.</summary>
    public int Unanswered => Volatile.Read(ref _unanswered);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>Runs a scenario under load and checks the ledgers. If the test fails, its output has the warnings and
    /// errors of the services.</summary>
    public static async Task RunAsync(Deployment deployment, Func<SteadyLoad, Task> scenario)
    {
        try
        {
            await using var load = new SteadyLoad(deployment);
            await load.StartAsync();
            await load.UntilAllFlowsAsync();
            await scenario(load);
            await load.UntilAllFlowsAsync();
            await load.StopAsync();
            await load.AssertBalancedAsync();
        }
        catch
        {
            TestContext.Current.TestOutputHelper?.WriteLine(deployment.Complaints());
            throw;
        }
    }

    /// <summary>Continues the load for a time, which is the length of an outage.</summary>
    public static Task GoOnAsync(TimeSpan time) => Task.Delay(time, Cancelled);

    /// <summary>Waits until more clicks have been answered.</summary>
    public Task UntilAnsweredAsync(int more = 20)
    {
        var goal = Clicks.Acknowledged + more;
        return Eventually.HoldsAsync(() => Clicks.Acknowledged >= goal, "clicks are answered", Cancelled);
    }

    /// <summary>Waits until a click that is made from now on is stored.</summary>
    public async Task UntilStoredAsync()
    {
        await UntilAnsweredAsync();
        var marker = _last;
        await Eventually.HoldsAsync(
            async () => (await StoredAsync(marker)).Count > 0, $"click {marker} is stored", Cancelled, _longestDrain);
    }

    /// <summary>Waits until a message that is sent from now on comes out rewritten.</summary>
    public Task UntilRewrittenAsync() => Mail.UntilRewrittenAsync(_longestDrain);

    /// <summary>Waits until clicks are stored and messages come out.</summary>
    /// <param name="within">The promised limit; <see langword="null"/> for none.</param>
    public async Task UntilAllFlowsAsync(TimeSpan? within = null)
    {
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(UntilStoredAsync(), UntilRewrittenAsync());
        var taken = clock.Elapsed;
        TestContext.Current.SendDiagnosticMessage(
            "{0}: all flows after {1:0.0} s", TestContext.Current.TestClass?.TestClassSimpleName, taken.TotalSeconds);
        Assert.True(within is null || taken <= within, $"it took {taken} until all flowed again, not {within}");
    }

    /// <summary>Registers a link that nobody has clicked on.</summary>
    public async Task<string> RegisterUnknownLinkAsync() =>
        (await RegisterAsync($"https://www.example.com/{_run}/unknown/{Guid.NewGuid():N}"))[0];

    /// <summary>Checks a click on a link that is neither in an edge's memory nor in the cache, while the database is
    /// unavailable: the answer is 503 with Retry-After (RFC 9110 10.2.3).</summary>
    public async Task AssertAskedToComeAgainAsync(string unknown)
    {
        await _deployment.Redis.FlushAsync(Cancelled);

        // HEAD is answered like GET but not recorded.
        using var answer = await _recipient.FetchAsync(unknown, "unknown", HttpMethod.Head, Cancelled);
        Assert.Equal(
            (HttpStatusCode.ServiceUnavailable, true), (answer.StatusCode, answer.Headers.RetryAfter is not null));
    }

    /// <summary>Waits until the link is served, after the database is back.</summary>
    public Task UntilServedAsync(string unknown) => _recipient.UntilServedAsync(unknown, _deployment.Edges);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        if (Mail is not null)
        {
            await Mail.DisposeAsync();
        }

        _recipient.Dispose();
        _stop.Dispose();
        await _database.DisposeAsync();
    }

    private async Task StartAsync()
    {
        using (var api = OpenApi())
        {
            _cluster = await api.CreateClusterAsync("load " + _run);
        }

        _links = await RegisterAsync(
            [.. Enumerable.Range(0, Links).Select(n => $"https://www.example.com/{_run}/{n}")]);
        await _recipient.UntilServedAsync(_links[0], _deployment.Edges);
        foreach (var (index, link) in _links.Index())
        {
            await ClickAsync(link, $"{_run}-first-{index}");
        }

        Assert.Equal(0, Unanswered);
        Mail = new SteadyMail(_deployment.Bus, _cluster, _run);
        _readers = [.. Enumerable.Range(0, Readers).Select(reader => Task.Run(() => ReadAsync(reader)))];
    }

    private async Task<List<string>> RegisterAsync(params string[] urls)
    {
        using var api = OpenApi();
        var text = string.Join("\r\n", urls);
        var (rewritten, _) = await api.RewriteAsync(
            _cluster, Encoding.ASCII.GetBytes($"Subject: load\r\n\r\n{text}\r\n"));
        List<string> links = [.. ReadMail.Urls(rewritten)];
        Assert.Equal(urls.Length, links.Count);
        return links;
    }

    private async Task ReadAsync(int reader)
    {
        for (var n = 0; !_stop.IsCancellationRequested; n++)
        {
            await ClickAsync(_links[(reader + n) % _links.Count], $"{_run}-{reader}-{n}");
            await Task.Delay(_pause);
        }
    }

    private async Task ClickAsync(string link, string marker)
    {
        Clicks.Attempt(marker);
        using var patience = new CancellationTokenSource(_patience);
        try
        {
            using var answer = await _recipient.FetchAsync(link, marker, cancellationToken: patience.Token);
            if (answer.StatusCode == HttpStatusCode.Found)
            {
                Clicks.Acknowledge(marker);
                _last = marker;
                return;
            }
        }
        catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException)
        {
            // Counted below as unanswered.
        }

        Interlocked.Increment(ref _unanswered);
    }

    private async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_readers);
    }

    private async Task AssertBalancedAsync()
    {
        await Eventually.HoldsAsync(
            async () => Clicks.Missing(await StoredAsync()) == 0 && _deployment.AreSpoolsEmpty(),
            "every acknowledged click is stored and the spools are empty",
            Cancelled,
            _longestDrain);
        using var api = OpenApi();

        // A broken connection in the API's pool causes one 503. Then ask again.
        List<JsonElement> events = [];
        await Eventually.HoldsAsync(
            async () => await api.TryEventsAsync(_cluster) is { } all && (events = all).Count >= Clicks.Acknowledged,
            "the API tells of every acknowledged click",
            Cancelled);
        Clicks.AssertBalanced([.. events.Select(e => e.GetProperty("userAgent").GetString()!)], "clicks");
        await Mail.AssertBalancedAsync(_longestDrain);
        await AssertNothingGivenUpAsync();
    }

    private async Task AssertNothingGivenUpAsync()
    {
        foreach (var queue in await _deployment.Bus.QueuesAsync(Cancelled))
        {
            if (queue.EndsWith(".dead", StringComparison.Ordinal)
                || queue.EndsWith("_error", StringComparison.Ordinal)
                || queue.EndsWith("_skipped", StringComparison.Ordinal))
            {
                Assert.Equal((queue, 0L), (queue, await _deployment.Bus.CountReadyAsync(queue, Cancelled)));
            }
        }
    }

    // Returns nothing while the database is unavailable.
    private async Task<List<string>> StoredAsync(string? marker = null)
    {
        var stored = new List<string>();
        try
        {
            await using var command = _database.CreateCommand(
                "SELECT user_agent FROM ingest.events WHERE user_agent LIKE $1");
            command.CommandTimeout = 5;
            command.Parameters.Add(new() { Value = marker ?? $"{_run}-%" });
            await using var reader = await command.ExecuteReaderAsync(Cancelled);
            while (await reader.ReadAsync(Cancelled))
            {
                stored.Add(reader.GetString(0));
            }

            return stored;
        }
        catch (Exception exception) when (exception is NpgsqlException or TimeoutException)
        {
            return [];
        }
    }

    private ApiClient OpenApi() => new(_deployment.Api, _deployment.AdminKey, _deployment.Rewrite);
}

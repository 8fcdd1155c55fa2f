using System.Net;
using Tracking.Servers;

namespace Tracking.System.Tests.Chaos;

/// <summary>SIGKILL during a burst of clicks. Every answered click is stored exactly once, and nothing else is
/// stored.</summary>
public sealed class KillStandaloneUnderLoad
{
    // Enough clients, so that the process dies while it reads, spools, publishes and stores.
    private const int Clients = 16;
    private const int AnswersBeforeKill = 1_500;
    private const int Rounds = 2;

    [Fact]
    public async Task Every_answer_received_is_stored_exactly_once()
    {
        await using var standalone = await StandaloneProcess.StartAsync(TestContext.Current.CancellationToken);
        var ledger = new Ledger();
        string cluster;
        List<string> links;
        using (var api = new ApiClient(standalone.Api, standalone.AdminKey))
        {
            cluster = await api.CreateClusterAsync("burst");
            links = [];
            foreach (var newsletter in Newsletters.Files)
            {
                var (rewritten, _) = await api.RewriteAsync(cluster, await File.ReadAllBytesAsync(newsletter));
                links.AddRange(ReadMail.Urls(rewritten).Where(url => url.Contains("track.localhost")));
            }
        }

        for (var round = 0; round < Rounds; round++)
        {
            await BurstAndKillAsync(standalone, links, ledger, round);
            await standalone.RestartAsync(TestContext.Current.CancellationToken);
        }

        // A click after all restarts. When it is stored, all clicks spooled before have been sent too.
        using var recipient = new Recipient();
        ledger.Attempt("after-restart");
        using (var response = await recipient.FetchAsync(links[0], "after-restart"))
        {
            Assert.Equal(HttpStatusCode.Found, response.StatusCode);
        }

        ledger.Acknowledge("after-restart");

        using var afterwards = new ApiClient(standalone.Api, standalone.AdminKey);
        var events = await afterwards.WaitForEventsAsync(cluster, events =>
            events.Select(e => e.GetProperty("userAgent").GetString()!).Where(ledger.IsAcknowledged).Distinct().Count()
                >= ledger.Acknowledged);
        ledger.AssertBalanced([.. events.Select(e => e.GetProperty("userAgent").GetString()!)]);
        Assert.True(ledger.Acknowledged > Rounds * AnswersBeforeKill);
    }

    private static async Task BurstAndKillAsync(
        StandaloneProcess standalone, List<string> links, Ledger ledger, int round)
    {
        using var recipient = new Recipient();
        using var stop = new CancellationTokenSource();
        var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var answered = 0;
        var clients = Enumerable.Range(0, Clients).Select(client => Task.Run(async () =>
        {
            for (var n = 0; !stop.IsCancellationRequested; n++)
            {
                var marker = $"burst-{round}-{client}-{n}";
                ledger.Attempt(marker);
                try
                {
                    var url = links[(client + n) % links.Count];
                    using var response = await recipient.FetchAsync(url, marker);
                    if (response.StatusCode is HttpStatusCode.Found or HttpStatusCode.OK)
                    {
                        _ = await response.Content.ReadAsByteArrayAsync();
                        ledger.Acknowledge(marker);
                        if (Interlocked.Increment(ref answered) == AnswersBeforeKill)
                        {
                            enough.TrySetResult();
                        }
                    }
                }
                catch (HttpRequestException)
                {
                    return; // The process was killed during this request.
                }
            }
        })).ToArray();

        await enough.Task.WaitAsync(TimeSpan.FromSeconds(60));
        standalone.Kill();
        await stop.CancelAsync();
        await Task.WhenAll(clients);
    }
}

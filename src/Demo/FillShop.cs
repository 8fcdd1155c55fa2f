using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Tracking.Demo;

/// <summary>The demo could not be made. The message says why, for people.</summary>
public sealed class DemoFailedException(string message) : Exception(message);

/// <summary>The result of the demo.</summary>
/// <param name="Cluster">The cluster's id.</param>
/// <param name="Messages">The number of rewritten messages.</param>
/// <param name="Visits">The number of clicks and opens.</param>
public sealed record FilledShop(string Cluster, int Messages, int Visits);

/// <summary>A visit to a rewritten message.</summary>
/// <param name="Url">The tracked link or the open pixel.</param>
/// <param name="Visit">Who fetches the URL, and when.</param>
public sealed record TrackedVisit(Uri Url, Visit Visit);

/// <summary>Takes visits: the edge takes visits of the present, the standalone program takes visits of the
/// past.</summary>
public interface ITakeVisits
{
    /// <summary>Takes the visits of a cluster.</summary>
    Task TakeAsync(string cluster, IReadOnlyList<TrackedVisit> visits, CancellationToken cancellationToken);
}

/// <summary>Makes a cluster with a tracking domain and mail through the API.</summary>
/// <param name="api">The API's client, with base address and admin key.</param>
/// <param name="take">Takes the recipients' visits.</param>
/// <param name="name">The cluster's name.</param>
public sealed class FillShop(HttpClient api, ITakeVisits take, string name = FillShop.DefaultName)
{
    /// <summary>The default name of the cluster. The name shows that the data is not real.</summary>
    public const string DefaultName = "Harbour Shop demo";

    // How many requests a small machine's API can answer at a time.
    private const int AtATime = 8;

    /// <summary>Makes the cluster.</summary>
    /// <param name="mailings">The mail to send.</param>
    /// <param name="cancellationToken">Stops half-way. The data made so far stays.</param>
    /// <returns><see langword="null"/> when a cluster of this name exists.</returns>
    /// <exception cref="DemoFailedException">The server refused a request.</exception>
    /// <exception cref="HttpRequestException">The server cannot be reached.</exception>
    public async Task<FilledShop?> RunAsync(IReadOnlyList<Mailing> mailings, CancellationToken cancellationToken)
    {
        using var created = await api.PostAsJsonAsync(
            "clusters",
            new { name, settings = new { trackClicks = true, trackOpens = true, keepHtmlDays = 30 } },
            cancellationToken);
        if (created.StatusCode == System.Net.HttpStatusCode.Conflict)
        {
            return null;
        }

        var cluster = (string)(await ReadAsync(created, cancellationToken))["id"]!;
        using (var added = await api.PostAsJsonAsync(
            $"clusters/{cluster}/tracking-domains",
            // The DNS record of this name cannot exist, so the demo shows a name that waits for its record.
            new { hostname = $"track-{cluster}.harbour.example.org" },
            cancellationToken))
        {
            await ReadAsync(added, cancellationToken);
        }

        var visits = new List<TrackedVisit>();
        await Parallel.ForAsync(
            0,
            mailings.Count,
            new ParallelOptions { MaxDegreeOfParallelism = AtATime, CancellationToken = cancellationToken },
            async (i, ended) =>
            {
                var rewritten = await RewriteAsync(cluster, i, mailings[i], ended);
                lock (visits)
                {
                    visits.AddRange(rewritten);
                }
            });
        visits.Sort((one, other) => one.Visit.At.CompareTo(other.Visit.At));
        await take.TakeAsync(cluster, visits, cancellationToken);
        return new FilledShop(cluster, mailings.Count, visits.Count);
    }

    private async Task<IEnumerable<TrackedVisit>> RewriteAsync(
        string cluster, int number, Mailing mailing, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"clusters/{cluster}/rewrite?report=true")
        {
            Content = new ByteArrayContent(mailing.Letter.Write(mailing.Recipient, mailing.SentAt))
            {
                Headers = { ContentType = new MediaTypeHeaderValue("message/rfc822") },
            },
            Headers =
            {
                { "tracking-message-id", string.Create(CultureInfo.InvariantCulture, $"demo-{number}@harbour.example.org") },
                { "tracking-sender", "news@harbour.example.org" },
                { "tracking-recipient", mailing.Recipient },
                { "tracking-tags", mailing.Letter == Letter.Receipt ? mailing.Letter.Tag : mailing.Letter.Tag + ",shop" },
                { "tracking-sent-at", mailing.SentAt.UtcDateTime.ToString(
                    "yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) },
            },
        };
        using var answer = await api.SendAsync(request, cancellationToken);
        var report = await ReadAsync(answer, cancellationToken);

        // Part 1 is the plain text. People click in the HTML, which is part 2.
        var links = report["links"]!.AsArray().Where(link => (int)link!["part"]! == 2)
            .Select(link => new Uri((string)link!["trackedUrl"]!)).ToList();
        var pixel = new Uri((string)report["pixelUrl"]!);
        return mailing.Visits.Select(visit => new TrackedVisit(visit.Link is { } link ? links[link] : pixel, visit));
    }

    private static async Task<JsonObject> ReadAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        var type = answer.Content.Headers.ContentType?.MediaType;
        var json = type is "application/json" or "application/problem+json"
            ? await answer.Content.ReadFromJsonAsync<JsonObject>(cancellationToken) : null;
        return answer.IsSuccessStatusCode && json is not null
            ? json
            : throw new DemoFailedException(json?["detail"] is { } detail
                ? $"{json["title"]}. {detail}"
                : $"{answer.RequestMessage!.RequestUri} answered {(int)answer.StatusCode}; is it the API's address?");
    }
}

using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Tracking.Demo;

/// <summary>Something went wrong on the way; the message says what, for people.</summary>
public sealed class DemoFailedException(string message) : Exception(message);

/// <summary>What there is now.</summary>
/// <param name="Cluster">The cluster's id.</param>
/// <param name="Messages">Messages that were rewritten.</param>
/// <param name="Visits">Clicks and opens.</param>
public sealed record FilledShop(string Cluster, int Messages, int Visits);

/// <summary>A visit to a message that has been rewritten.</summary>
/// <param name="Url">The tracked link, or the pixel.</param>
/// <param name="Visit">Who fetches it, and when.</param>
public sealed record TrackedVisit(Uri Url, Visit Visit);

/// <summary>Who takes visits: the edge those of now, the operator's own program those of the past.</summary>
public interface ITakeVisits
{
    /// <summary>Takes them.</summary>
    Task TakeAsync(string cluster, IReadOnlyList<TrackedVisit> visits, CancellationToken cancellationToken);
}

/// <summary>Makes a cluster with a tracking domain and mail, all of it through the API.</summary>
/// <param name="api">The API, its base address and an admin key with it.</param>
/// <param name="take">Takes what recipients do.</param>
/// <param name="name">The cluster's name.</param>
public sealed class FillShop(HttpClient api, ITakeVisits take, string name = FillShop.DefaultName)
{
    /// <summary>What the cluster is called unless somebody says otherwise: nobody takes it for real.</summary>
    public const string DefaultName = "Harbour Shop demo";

    // As many as a small machine's API answers at a time.
    private const int AtATime = 8;

    /// <summary>Makes it.</summary>
    /// <param name="mailings">Its mail.</param>
    /// <param name="cancellationToken">Ends it half-way: what is made is made.</param>
    /// <returns><see langword="null"/> when there is one already.</returns>
    /// <exception cref="DemoFailedException">The server refused something.</exception>
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
            // Nobody can make its record: it shows what a name looks like that waits for one.
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

        // The plain text part comes first; people click in the HTML.
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

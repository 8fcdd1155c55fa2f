using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Npgsql;
using NpgsqlTypes;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Console.Tests;

/// <summary>
/// A shop that sends two newsletters a week, with events of people and machines. The rows are as the rewriter and the
/// ingest store them. They are the same in each run, relative to the present time.
/// </summary>
public sealed class SomeShop
{
    private static readonly (string Url, string Name, int Weight)[] _links =
    [
        ("https://shop.example.org/en/autumn", "Autumn coats", 29),
        ("https://shop.example.org/en/offers?place=hero", "See all offers", 21),
        ("https://shop.example.org/account/orders", "Your order history", 12),
        ("https://shop.example.org/en/sizes", "Size guide", 7),
        ("https://maps.example.com/lisbon", "Store in Lisbon", 4),
        ("https://shop.example.org/imprint", "Imprint", 1),
    ];

    private static readonly string[] _names =
        ["anna", "j.silva", "tom", "mei", "olu", "piotr", "sofia", "ahmed", "lars", "ines", "noor", "kim"];

    private static readonly string[] _agents =
    [
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)",
    ];

    // A fixed seed.
    private readonly Random _random = new(20);
    private readonly Running _running;
    private readonly List<(MessageKey Key, DateTimeOffset At)> _messages = [];
    private ClusterId _cluster;

    private SomeShop(Running running) => _running = running;

    public string Id { get; private set; } = "";

    public string Key { get; private set; } = "";

    /// <summary>One of its messages, with events of people and machines.</summary>
    public string Message { get; private set; } = "";

    /// <summary>The shop's webhook.</summary>
    public string Webhook { get; private set; } = "";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static async Task<SomeShop> OpenAsync(Running running)
    {
        var shop = new SomeShop(running);
        (shop.Id, shop.Key) = await running.CreateClusterAsync("Harbour Shop");
        Assert.True(ClusterId.TryParse(shop.Id, out shop._cluster));
        await shop.AddDestinationsAsync();
        await shop.AddMessagesAsync();
        await shop.AddEventsAsync();
        await shop.CountAsync();
        await SomeDomains.AddAsync(running, shop);
        await shop.AddRulesAsync();
        return shop;
    }

    /// <summary>A shop without events, for tests that add events. Their events are not counted, so they would be
    /// missing in the counters of the other shop.</summary>
    public static async Task<SomeShop> OpenQuietAsync(Running running)
    {
        var shop = new SomeShop(running);
        (shop.Id, shop.Key) = await running.CreateClusterAsync($"Quiet {Guid.NewGuid()}");
        Assert.True(ClusterId.TryParse(shop.Id, out shop._cluster));
        await shop.AddDestinationsAsync();
        await shop.AddMessagesAsync();
        return shop;
    }

    /// <summary>Adds a webhook with deliveries, a repaired link, a blocked destination and a withdrawal.</summary>
    private async Task AddRulesAsync()
    {
        Webhook = Guid.CreateVersion7().ToString();
        await using var command = _running.Database.CreateCommand(
            """
            WITH endpoint AS (
                INSERT INTO webhooks.endpoints (cluster_id, id, url, description, event_types, people_only, sealed_secret,
                    created_at, last_success_at, last_error)
                VALUES ($1, $2, 'https://shop.example.org/hooks', 'Orders', '{message.*}', false, '', now(), now(),
                    'The receiver answered 500.')
            ), deliveries AS (
                INSERT INTO webhooks.deliveries (cluster_id, endpoint_id, id, event_type, occurred_at, status, attempts,
                    next_attempt_at, finished_at)
                SELECT $1, $2, gen_random_uuid(), 1, now(), status, 1, now(), now() FROM generate_series(0, 2) status
            ), link AS (
                SELECT min(link_id) AS one, max(link_id) AS other FROM links.destinations WHERE cluster_id = $1
            ), repairs AS (
                INSERT INTO links.repairs (cluster_id, id, link_id, new_link_id, tag, undone_at)
                SELECT $1, gen_random_uuid(), one, other, 'shop', CASE WHEN n = 1 THEN now() END
                FROM link, generate_series(1, 2) n
            ), blocked AS (
                INSERT INTO links.blocked_destinations (pattern, reason) VALUES ('phish.example.net/login*', 'phishing')
                ON CONFLICT DO NOTHING
            )
            INSERT INTO rewrite.withdrawals (cluster_id, id, recipient_hash, withdrawn_at, receipt)
            VALUES ($1, $2, '', now(), '{"id":"' || $2 || '","cluster":"x","withdrawnAt":"2026-11-20T12:00:00+00:00",'
                '"doneAt":"2026-11-20T12:00:01+00:00","anonymised":{"messages":3,"events":7,"rejectedEvents":0,'
                '"keptMails":0},"left":{"webhooks":[],"exports":[]}}')
            """);
        command.Parameters.Add(new() { Value = _cluster.Value });
        command.Parameters.Add(new() { Value = Guid.Parse(Webhook) });
        await command.ExecuteNonQueryAsync(Cancelled);
    }

    /// <summary>A text that tries to run a script, to reverse the direction of text, and to widen the page.</summary>
    public static readonly string Hostile =
        "\"><script>alert(1)</script><img src=x onerror=alert(2)>\u202Etxt.exe\u2066{{7*7}}" + new string('W', 300);

    /// <summary>Adds a click of a person on the first message at the present time.</summary>
    public async Task ClickNowAsync(string reason)
    {
        await using var connection = await _running.Database.OpenConnectionAsync(Cancelled);
        await using var rows = await connection.BeginBinaryImportAsync(Events, Cancelled);
        await WriteAsync(
            rows, LinkKind.Click, TimeProvider.System.GetUtcNow(), _messages[0].Key, 0, Verdict.Human, null, [reason],
            _agents[0]);
        await rows.CompleteAsync(Cancelled);
    }

    /// <summary>Adds a cluster whose texts are all <see cref="Hostile"/>.</summary>
    public async Task<(string Id, string Message)> AddHostileAsync()
    {
        var (id, _) = await _running.CreateClusterAsync(Hostile[..100]);
        _ = ClusterId.TryParse(id, out var cluster);
        await _running.PostAsync($"/api/v1/clusters/{id}/api-keys", new { name = Hostile[..80] + "<script>" });
        var hash = MessageKey.HashId(Hostile);
        var key = MessageKey.FromIdHash(hash, 0);
        var url = "https://shop.example.org/" + Hostile;
        var urlHash = SHA256.HashData(Encoding.UTF8.GetBytes(url));
        await _running.ExecuteAsync(
            "INSERT INTO links.destinations (cluster_id, link_id, url_hash, url) VALUES ($1, $2, $3, $4)",
            cluster.Value, LinkId.FromUrlHash(urlHash, 0).ToInt64(), urlHash, url);
        await _running.ExecuteAsync(
            """
            INSERT INTO rewrite.messages (cluster_id, message_key, id_hash, content_hash, message_id, sender, recipient,
                recipient_domain, tags, host, link_count, opens_tracked, link_map)
            VALUES ($1, $2, $3, $3, $4, $4, $4, 'example.com', ARRAY[$4], $4, 1, true, $5)
            """,
            cluster.Value, key.ToBytes(), hash, Hostile, LinkMap.Write([new LinkPlace(1, 1, Hostile[..60])]));
        for (var kind = 0; kind < 2; kind++)
        {
            await _running.ExecuteAsync(
                """
                INSERT INTO ingest.events (id, occurred_at, kind, method, cluster_id, message_key, link_id, ordinal,
                    client_address, user_agent, verdict, vendor, reasons)
                VALUES ($1, now(), $2, 0, $3, $4, $5, 0, '192.0.2.0', $6, 1, $6, ARRAY[$6])
                """,
                Guid.CreateVersion7(TimeProvider.System.GetUtcNow()), (short)kind, cluster.Value, key.ToBytes(),
                kind == 0 ? LinkId.FromUrlHash(urlHash, 0).ToInt64() : 0L, Hostile);
        }

        return (id, key.ToString());
    }

    private const string Events =
        """
        COPY ingest.events (id, occurred_at, kind, method, cluster_id, message_key, link_id, ordinal,
            client_address, user_agent, verdict, vendor, reasons) FROM STDIN BINARY
        """;

    private async Task AddDestinationsAsync()
    {
        foreach (var (url, _, _) in _links)
        {
            var hash = SHA256.HashData(Encoding.ASCII.GetBytes(url));
            await _running.ExecuteAsync(
                "INSERT INTO links.destinations (cluster_id, link_id, url_hash, url) VALUES ($1, $2, $3, $4)",
                _cluster.Value, LinkId.FromUrlHash(hash, 0).ToInt64(), hash, url);
        }
    }

    private async Task AddMessagesAsync()
    {
        var map = LinkMap.Write([.. _links.Select((link, i) => new LinkPlace(1, i + 1, link.Name))]);
        await using var connection = await _running.Database.OpenConnectionAsync(Cancelled);
        await using var rows = await connection.BeginBinaryImportAsync(
            """
            COPY rewrite.messages (cluster_id, message_key, id_hash, content_hash, message_id, sender, recipient,
                recipient_domain, tags, host, registered_at, link_count, opens_tracked, link_map) FROM STDIN BINARY
            """,
            Cancelled);
        var now = TimeProvider.System.GetUtcNow();
        var letters = new[]
        {
            (2, "friday", 120, 40), (5, "tuesday", 120, 40), (9, "friday", 120, 40), (12, "tuesday", 120, 40),
            (40, "friday", 120, 40),
        };
        var mailings = letters.Concat(Enumerable.Range(0, 15).Select(day => (Days: day, "receipt", 60, 1440)));
        foreach (var (days, letter, count, seconds) in mailings)
        {
            for (var i = 0; i < count; i++)
            {
                var recipient = $"{_names[i % _names.Length]}{(i < _names.Length ? "" : i)}@example.com";
                var id = $"{letter}-{days}-{i}@harbour.example.org";
                var hash = MessageKey.HashId(id);
                var key = MessageKey.FromIdHash(hash, 0);
                var at = now.AddDays(-days).AddSeconds(-i * seconds);
                _messages.Add((key, at));
                await rows.StartRowAsync(Cancelled);
                await rows.WriteAsync(_cluster.Value, Cancelled);
                await rows.WriteAsync(key.ToBytes(), Cancelled);
                await rows.WriteAsync(hash, Cancelled);
                await rows.WriteAsync(hash, Cancelled);
                await rows.WriteAsync(id, Cancelled);
                await rows.WriteAsync("news@harbour.example.org", Cancelled);
                await rows.WriteAsync(recipient, Cancelled);
                await rows.WriteAsync("example.com", Cancelled);
                await rows.WriteAsync(letter == "receipt"
                    ? ["receipt"]
                    : new[] { $"{letter} letter", "shop" }, Cancelled);
                await rows.WriteAsync(i % 3 == 0 ? "news.harbour.example.org" : "track.harbour.example.org", Cancelled);
                await rows.WriteAsync(at, NpgsqlDbType.TimestampTz, Cancelled);
                await rows.WriteAsync(_links.Length, Cancelled);
                await rows.WriteAsync(true, Cancelled);
                await rows.WriteAsync(map, Cancelled);
            }
        }

        await rows.CompleteAsync(Cancelled);
        Message = _messages[0].Key.ToString();
    }

    // Counts the rows, which were not written by ingest.
    private async Task CountAsync()
    {
        var path = $"/api/v1/clusters/{Id}/stats/rebuild";
        using var asked = await _running.Admin.PostAsync(new Uri(path, UriKind.Relative), null, Cancelled);
        Assert.True(asked.IsSuccessStatusCode);
        await Eventually.HoldsAsync(
            async () =>
                (string)(await _running.Admin.GetFromJsonAsync<JsonObject>(path, Cancelled))!["state"]! == "done",
            "the shop's events are counted",
            Cancelled);
    }

    private async Task AddEventsAsync()
    {
        await using var connection = await _running.Database.OpenConnectionAsync(Cancelled);
        await using var rows = await connection.BeginBinaryImportAsync(Events, Cancelled);
        var now = TimeProvider.System.GetUtcNow();
        foreach (var (key, at) in _messages)
        {
            // A scanner follows all links of one message in five at once, before its recipient reads it.
            if (_random.Next(5) == 0)
            {
                for (short link = 0; link < _links.Length; link++)
                {
                    await WriteAsync(
                        rows, LinkKind.Click, at.AddSeconds(20).AddMilliseconds(link * 70), key, link, Verdict.Scanner,
                        "Barracuda", ["12 links in half a second", "from a data centre"], "Mozilla/5.0");
                }
            }

            var opens = key == _messages[0].Key ? 3 : _random.Next(5);
            for (var i = 0; i < opens; i++)
            {
                // Most reads are soon after the sending, and more by day than by night.
                var after = at.AddHours(Math.Pow(_random.NextDouble(), 3) * 60);
                if (after.Hour is > 0 and < 7 || after > now)
                {
                    continue;
                }

                var isProxy = _random.Next(3) == 0;
                await WriteAsync(
                    rows, LinkKind.Open, after, key, 0, isProxy ? Verdict.Proxy : Verdict.Human,
                    isProxy ? "Gmail" : null, isProxy ? ["an image proxy of a mail provider"] : [], _agents[_random.Next(
                        3)]);
                if (_random.Next(3) == 0 && after.AddMinutes(1) < now)
                {
                    await WriteAsync(
                        rows, LinkKind.Click, after.AddSeconds(30), key, Choose(), Verdict.Human, null, [],
                        _agents[_random.Next(3)]);
                }
            }
        }

        await rows.CompleteAsync(Cancelled);
    }

    private short Choose()
    {
        var at = _random.Next(_links.Sum(link => link.Weight));
        for (short i = 0; ; i++)
        {
            at -= _links[i].Weight;
            if (at < 0)
            {
                return i;
            }
        }
    }

    private async Task WriteAsync(
        NpgsqlBinaryImporter rows, LinkKind kind, DateTimeOffset at, MessageKey message, short ordinal, Verdict verdict,
        string? vendor, string[] reasons, string agent)
    {
        var hash = SHA256.HashData(Encoding.ASCII.GetBytes(_links[ordinal].Url));
        await rows.StartRowAsync(Cancelled);
        await rows.WriteAsync(Guid.CreateVersion7(at), Cancelled);
        await rows.WriteAsync(at, NpgsqlDbType.TimestampTz, Cancelled);
        await rows.WriteAsync((short)kind, Cancelled);
        await rows.WriteAsync((short)0, Cancelled);
        await rows.WriteAsync(_cluster.Value, Cancelled);
        await rows.WriteAsync(message.ToBytes(), Cancelled);
        await rows.WriteAsync(kind == LinkKind.Click ? LinkId.FromUrlHash(hash, 0).ToInt64() : 0L, Cancelled);
        await rows.WriteAsync(ordinal, Cancelled);
        await rows.WriteAsync(IPAddress.Parse("192.0.2.0"), NpgsqlDbType.Inet, Cancelled);
        await rows.WriteAsync(agent, Cancelled);
        await rows.WriteAsync((short)verdict, Cancelled);
        if (vendor is null)
        {
            await rows.WriteNullAsync(Cancelled);
        }
        else
        {
            await rows.WriteAsync(vendor, Cancelled);
        }

        await rows.WriteAsync(reasons, Cancelled);
    }
}

using System.Text;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Functional.Tests.EventIngest;

/// <summary>Messages, and events of people and machines, determined by a seed.</summary>
internal sealed class SomeCountedMail(IngestDatabase database, int seed, int messages)
{
    private const int Links = 6;

    private static readonly string[] _agents =
    [
        SomeEvent.Chrome,
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
        "Barracuda Sentinel (EE)",
        "",
    ];

    private readonly Random _random = new(seed);

    /// <summary>Registers all messages except every seventh, which stay unknown. Some are tests, and some have system
    /// links.</summary>
    public async Task RegisterAsync()
    {
        var map = LinkMap.Write([.. Enumerable.Range(0, Links).Select(n => new LinkPlace(n % 2, n + 1, ""))]);
        for (var number = 0; number < messages; number++)
        {
            if (number % 7 != 6)
            {
                await database.ExecuteAsync(
                    """
                    INSERT INTO rewrite.messages (cluster_id, message_key, id_hash, content_hash, message_id,
                        recipient_domain, tags, host, link_count, opens_tracked, link_map, is_test,
                        system_links)
                    VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, true, $9, $10, $11)
                    """,
                    database.Cluster.Value, Key(number).ToBytes(), new byte[32], $"{number}",
                    number % 5 == 0 ? DBNull.Value : $"example{number % 3}.com",
                    number % 4 == 0 ? Array.Empty<string>() : ["news", $"segment {number % 2}"],
                    $"track{number % 2}.example.com", Links, map, number % 11 == 3,
                    number % 3 == 0 ? new short[] { 1, 4 } : DBNull.Value);
            }
        }
    }

    /// <summary>Events of the last days, in no order. Each link is at two places.</summary>
    public List<SomeEvent> Events(int count)
    {
        var now = TimeProvider.System.GetUtcNow();
        var events = new List<SomeEvent>(count);
        for (var i = 0; i < count; i++)
        {
            var ordinal = _random.Next(Links);
            var kind = _random.Next(20) switch
            { < 8 => LinkKind.Click, < 18 => LinkKind.Open, 18 => LinkKind.Image, _ => LinkKind.Honeypot };

            // Few different times, so that events of a message have the same time.
            var time = DateTimeOffset.UnixEpoch.AddSeconds(
                now.ToUnixTimeSeconds() - (_random.Next(4) == 0 ? _random.Next(5) * 86_400 : _random.Next(7200)));
            events.Add(new SomeEvent
            {
                Id = Guid.CreateVersion7(time),
                Time = time,
                Cluster = database.Cluster,
                Kind = kind,
                Message = Key(_random.Next(messages)),
                Link = kind == LinkKind.Open ? 0 : 0x9e37_79b9_7f4a_7c15 * (ulong)((ordinal / 2) + 1),
                Ordinal = (ushort)(kind == LinkKind.Open ? 0 : ordinal),
                UserAgent = Encoding.ASCII.GetBytes(_agents[_random.Next(_agents.Length)]),
            });
        }

        return events;
    }

    private static MessageKey Key(int number) => new(0xd1b5_4a32_d192_ed03 * (ulong)(number + 1), (byte)number);
}

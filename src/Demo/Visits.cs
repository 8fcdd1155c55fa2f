namespace Tracking.Demo;

/// <summary>A person or a machine fetches a link or the open pixel of a message.</summary>
/// <param name="At">The time.</param>
/// <param name="Link">The link's number, from 0; <see langword="null"/> for the open pixel.</param>
/// <param name="Agent">The user agent.</param>
/// <param name="Address">The last number of the client's address in 203.0.113.0/24, a network for examples (RFC
/// 5737).</param>
public sealed record Visit(DateTimeOffset At, int? Link, string Agent, byte Address);

/// <summary>Invents the visits of people and machines to messages. The same random numbers give the same
/// visits.</summary>
internal sealed class Visits(Random random)
{
    private static readonly string[] _browsers =
    [
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15",
        "Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    ];

    private const string GmailProxy =
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)";

    // The user agent of Apple's mail privacy protection.
    private const string ApplePrivacy = "Mozilla/5.0";

    private static readonly string[] _scanners =
    [
        "Mozilla/5.0 (compatible; Barracuda Sentinel)", "Mozilla/5.0 (compatible; Proofpoint URL Defense)",
        "Mozilla/5.0 (compatible; Mimecast TTP)",
    ];

    private static readonly string[] _previews =
    [
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "WhatsApp/2.25 A",
        "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    ];

    /// <summary>The visits to one message before a time, in no order.</summary>
    /// <param name="letter">The kind of mail.</param>
    /// <param name="sentAt">When the message was sent.</param>
    /// <param name="now">Visits at or after this time are left out.</param>
    public IEnumerable<Visit> Of(Letter letter, DateTimeOffset sentAt, DateTimeOffset now) =>
        Draw(letter, sentAt).Where(visit => visit.At < now);

    private List<Visit> Draw(Letter letter, DateTimeOffset sentAt)
    {
        var visits = new List<Visit>();
        var address = (byte)random.Next(1, 255);

        // A scanner follows all links before the recipient reads the message.
        if (random.Next(16) == 0)
        {
            var scanner = _scanners[random.Next(_scanners.Length)];
            visits.AddRange(Enumerable.Range(0, letter.Links.Count).Select(
                link => new Visit(sentAt.AddSeconds(20).AddMilliseconds(link * 70), link, scanner, address)));
        }

        // Some programs load the pictures when the mail arrives, even if nobody reads it.
        var isApple = random.Next(5) == 0;
        if (isApple)
        {
            visits.Add(new Visit(sentAt.AddSeconds(random.Next(30, 9000)), null, ApplePrivacy, address));
        }

        var agent = isApple ? _browsers[2] : _browsers[random.Next(_browsers.Length)];
        var isGmail = !isApple && random.Next(3) == 0;
        var interest = letter == Letter.Receipt ? 5 : 4;
        for (var i = random.Next(interest); i > 0; i--)
        {
            var at = Awake(sentAt.AddHours(Math.Pow(random.NextDouble(), 4) * 70));
            visits.Add(new Visit(at, null, isGmail ? GmailProxy : agent, address));
            if (random.Next(letter == Letter.Receipt ? 2 : 3) == 0)
            {
                visits.Add(new Visit(at.AddSeconds(random.Next(5, 90)), Choose(letter), agent, address));
            }
        }

        if (random.Next(40) == 0)
        {
            visits.Add(new Visit(
                Awake(sentAt.AddHours(3)), Choose(letter), _previews[random.Next(_previews.Length)], address));
        }

        return visits;
    }

    // Moves visits between 0 and 6 o'clock to the morning.
    private DateTimeOffset Awake(DateTimeOffset at) =>
        at.Hour < 6 ? at.AddHours(6 + (random.NextDouble() * 3)) : at;

    private int Choose(Letter letter)
    {
        var at = random.Next(letter.Links.Sum(link => link.Weight));
        var link = 0;
        while (at >= letter.Links[link].Weight)
        {
            at -= letter.Links[link++].Weight;
        }

        return link;
    }
}

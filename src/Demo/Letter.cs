using System.Globalization;
using System.Text;

namespace Tracking.Demo;

/// <summary>A kind of mail that the shop sends.</summary>
/// <param name="Tag">The tag of the messages.</param>
/// <param name="Subject">The subject.</param>
/// <param name="Lead">The text above the links.</param>
/// <param name="Links">The links, from top to bottom.</param>
public sealed record Letter(string Tag, string Subject, string Lead, IReadOnlyList<LetterLink> Links)
{
    private const string Shop = "https://shop.example.org";

    private static readonly LetterLink _imprint = new($"{Shop}/imprint", "Imprint", 1);

    /// <summary>The newsletter of Tuesdays.</summary>
    public static Letter Tuesday { get; } = new(
        "tuesday letter",
        "New in the harbour: lamps, ropes and a very good kettle",
        "Three things came off the boat this week. We kept one of each for ourselves.",
        [
            new($"{Shop}/en/new", "New this week", 30),
            new($"{Shop}/en/lamps/storm-lantern", "Storm lantern", 22),
            new($"{Shop}/en/kitchen/kettle", "The kettle", 18),
            new($"{Shop}/en/stories/rope-walk", "How a rope is made", 9),
            new("https://maps.example.com/harbour-shop", "Come and see", 4),
            _imprint,
        ]);

    /// <summary>The newsletter of Fridays.</summary>
    public static Letter Friday { get; } = new(
        "friday letter",
        "Autumn is here",
        "The first cold mornings are here, and so are this year's coats: wool, cut to last ten winters.",
        [
            new($"{Shop}/en/autumn", "Autumn coats", 29),
            new($"{Shop}/en/offers?place=hero", "See all offers", 21),
            new($"{Shop}/account/orders", "Your order history", 12),
            new($"{Shop}/en/sizes", "Size guide", 7),
            new("https://maps.example.com/harbour-shop", "Store at the harbour", 4),
            _imprint,
        ]);

    /// <summary>The receipt after an order.</summary>
    public static Letter Receipt { get; } = new(
        "receipt",
        "Your order is on its way",
        "Thank you. Your parcel left the harbour this morning.",
        [
            new("https://parcels.example.com/track?parcel=48151", "Where is my parcel?", 40),
            new($"{Shop}/account/orders", "Your order", 14),
            new($"{Shop}/en/returns", "Send something back", 5),
            _imprint,
        ]);

    /// <summary>Writes a message (RFC 5322) with a plain text and an HTML part.</summary>
    /// <param name="recipient">The recipient's address.</param>
    /// <param name="sentAt">The date of the message.</param>
    public byte[] Write(string recipient, DateTimeOffset sentAt)
    {
        var text = new StringBuilder().Append(Lead).Append("\n\n");
        var html = new StringBuilder();
        foreach (var link in Links)
        {
            text.Append(link.Name).Append(": ").Append(link.Url).Append('\n');
            html.Append(
                CultureInfo.InvariantCulture,
                $"<p><a href=\"{link.Url.Replace("&", "&amp;", StringComparison.Ordinal)}\">{link.Name}</a></p>\n");
        }

        var message = string.Create(
            CultureInfo.InvariantCulture,
            $"""
            Date: {sentAt.ToUniversalTime():ddd, dd MMM yyyy HH:mm:ss} +0000
            From: Harbour Shop <news@harbour.example.org>
            To: {recipient}
            Subject: {Subject}
            MIME-Version: 1.0
            Content-Type: multipart/alternative; boundary="harbour"

            --harbour
            Content-Type: text/plain; charset=utf-8

            {text}
            --harbour
            Content-Type: text/html; charset=utf-8

            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>{Subject}</title></head>
            <body style="margin:0;background:#eef1f4">
            <div style="max-width:560px;margin:0 auto;padding:24px;background:#fff;font:16px/1.5 Georgia,serif">
            <h1 style="font-size:26px">{Subject}</h1>
            <p>{Lead}</p>
            {html}</div></body></html>
            --harbour--

            """);
        return Encoding.UTF8.GetBytes(message.ReplaceLineEndings("\r\n"));
    }
}

/// <summary>A link of a letter.</summary>
/// <param name="Url">The destination.</param>
/// <param name="Name">The link's text.</param>
/// <param name="Weight">How often the link is clicked, relative to the others.</param>
public sealed record LetterLink(string Url, string Name, int Weight);

namespace Tracking.Management.Console.Texts;

internal static partial class Words
{
    /// <summary>Messages.</summary>
    internal static class Mail
    {
        public const string Search = "Text in id, recipient, sender or host";
        public const string Recipient = "Recipient, the whole address";
        public const string Tag = "Tag";
        public const string Find = "Search";
        public const string To = "To";
        public const string Tags = "Tags";
        public const string Links = "Links";
        public const string Sent = "Rewritten";
        public const string Empty = "No message yet";
        public const string EmptyText =
            "Every message that is rewritten is listed here. Hand over a first one, by your mail server or by hand:";
        public const string NothingFound =
            "No message matches. A recipient is found by the whole address, everything else by a part.";
        public const string Partial = "The search stopped before the end; the next page goes on from here.";
        public const string NoRecipient = "(recipient not kept)";
        public const string Facts = "Message";
        public const string Id = "Id";
        public const string SenderId = "Sender's id";
        public const string From = "From";
        public const string Host = "Tracking host";
        public const string SentAt = "Sent";
        public const string OpensTracked = "Opens";
        public const string Tracked = "tracked";
        public const string NotTracked = "not tracked";
        public const string LinksTitle = "Links, by place in the mail";
        public const string NoLinks = "No link of it is tracked.";
        public const string Clicks = "Clicks";
        public const string Story = "What happened with it";
        public const string NoEvents = "Nobody has opened it or clicked in it yet.";
        public const string More = "Only the latest events are shown.";
        public const string People = "People";
        public const string Test = "test";
        public const string TestText = "Its sender called this message a test: what happens with it counts nowhere.";
        public const string SystemLink = "system link: its clicks count nowhere";
        public const string LeftPlain = "Links left plain";
        public const string NoneLeftPlain = "none";

        /// <summary>Why a link was left plain. The API has it as a stable word (docs/reasons.md).</summary>
        public static string LeftBecause(string reason) => reason switch
        {
            "tracking-off" => "clicks are not tracked in this part",
            "opt-out" => "marked as not to be tracked",
            "empty" => "empty, or a place in the mail itself",
            "not-http" => "no web address (mail, telephone)",
            "relative" => "no whole address",
            "not-a-url" => "no address that a browser understands",
            "too-long" => "longer than 8 KiB",
            "unclear-end" => "its end in the text is uncertain",
            "tracking-host" => "leads to a tracking host",
            "already-tracked" => "tracked before",
            "excluded-domain" => "excluded by the settings",
            "unsubscribe" => "unsubscribes",
            "tracking-host-has-no-https" => "https, and the tracking host has none",
            "visible-text-is-a-url" => "shows its own address",
            "too-many-links" => "more links than a message may have",
            "content-not-in-its-charset" => "not in the charset that the part names",
            "line-too-long" => "its line would be too long",
            _ => reason.Replace('-', ' '),
        };

        public static string Counts(long clicks, long opens) =>
            $"{Number(opens)} opens and {Number(clicks)} clicks by people";

        public static string Machines(long count) =>
            count == 0 ? "no machines" : $"{Number(count)} by machines, left out";

        public static string Opened(string client) => client.Length == 0 ? "Opened" : $"Opened with {client}";

        public static string Clicked(int number, string name) => $"Clicked {number} · {name}";

        public static string ClickedUnknown(string url) => $"Clicked {url}";

        public static string Loaded(string client) => $"Loaded an image {client}".TrimEnd();

        public const string Trap = "Followed a link that no person sees";

        public static string Reasons(IEnumerable<string> reasons) => string.Join("; ", reasons.Select(Event.Reason));

        public static string Registered(string? recipient) =>
            recipient is null ? "Rewritten" : $"Rewritten for {recipient}";
    }

    /// <summary>The mail with its click map.</summary>
    internal static class Map
    {
        public const string Title = "Click map";
        public const string Mail = "The mail as it went out, with each link's share of the clicks";
        public const string Lead = "Share of the clicks of people, by place, in all messages with this mail.";
        public const string NotKept = "The mail itself is not kept. Where the settings say how many days its HTML is kept, the mail is shown here with each link's share of the clicks.";
        public const string Settings = "Open the settings";

        public static string Share(long clicks, long all) => all == 0 ? "0" : Words.Share(clicks, all);

        public static string Clicks(long clicks) => clicks == 1 ? "1 click" : $"{Number(clicks)} clicks";
    }

    /// <summary>Live events.</summary>
    internal static class LivePage
    {
        public const string Running = "New events appear by themselves.";
        public const string Away = "The connection is gone; trying again …";
        public const string Ended = "Ended. Load the page again to go on.";
        public const string Paused = "Held while you point at the list; {0} new.";
        public const string Heard = "{0} new events";
        public const string Reload = "Load the latest events";
        public const string Empty = "Nothing yet. Opens and clicks appear here as they come.";
        public const string List = "Events, the newest first";
    }

    /// <summary>The audit log.</summary>
    internal static class Audit
    {
        public const string When = "When";
        public const string Who = "Who";
        public const string What = "What";
        public const string Subject = "To what";
        public const string Change = "Change";
        public const string Show = "Before and after";
        public const string Before = "Before";
        public const string After = "After";
        public const string Empty = "Nobody has changed anything yet.";
        public const string System = "the system";

        /// <summary>The name of an action as words, without hyphens.</summary>
        public static string Action(string action) => action.Replace('-', ' ');
    }
}

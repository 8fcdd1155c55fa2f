using Tracking.Management.Webhooks;
using Tracking.Webhooks;

namespace Tracking.Management.Console.Texts;

internal static partial class Words
{
    /// <summary>Webhooks.</summary>
    internal static class Webhooks
    {
        public const string Title = "Webhooks";
        public const string Lead = "A webhook tells a program of yours what happens, within a second or so. Whoever cannot receive requests asks for events in the order of their storing instead.";
        public const string Url = "Address";
        public const string UrlHint = "An https address of the public internet. It is told everything; trackctl webhooks set chooses.";
        public const string Description = "What it is for";
        public const string Make = "Make a webhook";
        public const string Secret = "Its secret, shown this once";
        public const string SecretText = "Requests are signed with it. Copy it now; if it is lost, make another with trackctl webhooks rotate.";
        public const string State = "State";
        public const string Tells = "Tells";
        public const string Everything = "everything";
        public const string Empty = "No webhook yet.";
        public const string Health = "How it goes";
        public const string LastSuccess = "Last success";
        public const string FailingSince = "Failing since";
        public const string RestsUntil = "Rests until";
        public const string LastError = "Last error";
        public const string Waiting = "Waiting";
        public const string GivenUp = "Given up";
        public const string Latest = "Latest attempts";
        public const string Deliveries = "Deliveries";
        public const string Event = "Event";
        public const string When = "When";
        public const string Status = "Status";
        public const string Attempts = "Attempts";
        public const string NoDeliveries = "Nothing was sent yet.";
        public const string Delivery = "This delivery";
        public const string Test = "Send a test";
        public const string Tested = "A test is on its way. Load the page again to see what came of it.";
        public const string ReplayFailed = "Send again what failed";
        public const string Replay = "Send again";
        public const string Replayed = "It is on its way again.";
        public const string Disable = "Disable";
        public const string Enable = "Enable";
        public const string Answer = "Answer";
        public const string NoAnswer = "no answer";
        public const string Took = "Took";

        public static string Milliseconds(int milliseconds) => $"{milliseconds} ms";

        public static string Recent(RecentAttempts recent) =>
            $"{recent.Succeeded} of {recent.Attempts} succeeded; half of them within {recent.MedianMs ?? 0} ms";

        public static string Of(WebhookState state) => state switch
        {
            WebhookState.Untried => "nothing sent yet",
            WebhookState.Healthy => "healthy",
            WebhookState.Slow => "slow",
            WebhookState.Failing => "failing",
            _ => "disabled",
        };

        public static string Of(DeliveryStatus status) => status switch
        {
            DeliveryStatus.Pending => "waiting",
            DeliveryStatus.Delivered => "delivered",
            _ => "given up",
        };

        public static string Why(DisabledReason reason) => reason switch
        {
            DisabledReason.Asked => "Somebody disabled it.",
            DisabledReason.Gone => "The receiver answered 410: it wants nothing any more.",
            _ => "Every attempt failed for days.",
        };
    }

    /// <summary>Blocked and repaired destinations.</summary>
    internal static class Destinations
    {
        public const string BlockedTitle = "Blocked destinations";
        public const string BlockedLead = "No link of any cluster leads to a blocked destination, in mail that is already sent too. Recipients see a plain page. It acts within seconds.";
        public const string Pattern = "Host, or host and path";
        public const string PatternHint = "example.com, *.example.com for everything below it, example.com/account, or example.com/acc* for whatever begins so.";
        public const string Reason = "Why";
        public const string ReasonHint = "Only admins see it.";
        public const string Block = "Block";
        public const string Unblock = "Unblock…";
        public const string UnblockNow = "Unblock now";
        public const string UnblockText = "Links lead there again within seconds.";
        public const string Since = "Since";
        public const string NoneBlocked = "Nothing is blocked.";
        public const string RepairsTitle = "Repaired links";
        public const string RepairsLead = "A wrong link in mail that is out leads elsewhere, within one message or one tag. Clicks before and after are counted apart.";
        public const string Link = "Link";
        public const string LinkHint = "16 digits, as a message's page and the events show it.";
        public const string NewUrl = "New destination";
        public const string Message = "Within the message";
        public const string Tag = "or within all messages with the tag";
        public const string Repair = "Repair";
        public const string Undo = "Undo…";
        public const string UndoNow = "Undo now";
        public const string UndoText = "The link leads again where it led in the mail.";
        public const string From = "From";
        public const string To = "To";
        public const string Within = "Within";
        public const string State = "State";
        public const string Acts = "acts";
        public const string Undone = "undone";
        public const string NoRepairs = "Nothing is repaired.";

        public static string WithinOf(string? message, string? tag) => tag is null ? $"message {message}" : $"tag {tag}";
    }

    /// <summary>Withdrawals of consent.</summary>
    internal static class Withdrawals
    {
        public const string Title = "Withdrawals";
        public const string Lead = "A recipient withdraws consent: mail already sent is anonymised, and later mail to the address is. The address itself is kept nowhere, so look up a withdrawal by its number.";
        public const string Recipient = "The recipient's address";
        public const string Withdraw = "Withdraw consent";
        public const string NoUndo = "What is anonymised cannot be brought back.";
        public const string Done = "It is withdrawn. Below is the receipt.";
        public const string When = "When";
        public const string Number = "Number";
        public const string Did = "Anonymised";
        public const string Left = "Had left before";
        public const string Receipt = "Receipt";
        public const string Show = "Show the receipt";
        public const string Signature = "Signature";
        public const string UnderWay = "under way";
        public const string Empty = "Nobody has withdrawn.";

        public static string Anonymised(int messages, int events) =>
            $"{(messages == 1 ? "1 message" : $"{messages} messages")}, {(events == 1 ? "1 event" : $"{events} events")}";

        public static string LeftBy(int webhooks, int exports) =>
            webhooks + exports == 0 ? "nothing known"
            : $"{(webhooks == 1 ? "1 webhook" : $"{webhooks} webhooks")}, {(exports == 1 ? "1 export" : $"{exports} exports")}";
    }
}

namespace Tracking.Management.Console.Texts;

internal static partial class Words
{
    /// <summary>The settings of a cluster.</summary>
    internal static class SettingsPage
    {
        public const string General = "Cluster";
        public const string Name = "Name";
        public const string NotifyEmails = "Who is told of problems";
        public const string NotifyHint =
            "Mail addresses, one a line. They hear when a tracking domain is about to stop.";
        public const string SendingDomains = "Sending domains";
        public const string SendingHint =
            "Domains in whose name this cluster sends, one a line. Mail with such a From address belongs to it.";
        public const string SendingForAdmins = "Domains in whose name this cluster sends. Admins set them.";
        public const string Tracking = "What is tracked";
        public const string TrackClicks = "Track clicks: rewrite links";
        public const string TrackOpens = "Track opens: add an open pixel";
        public const string TrackImages = "Track images too";
        public const string TrackSigned = "Rewrite messages that are DKIM-signed already; this breaks their signature";
        public const string HtmlOnly = "Leave plain text parts alone";
        public const string LinkStyle = "Form of links";
        public const string KeepUrlText = "Links whose visible text is an address";
        public const string PixelPosition = "Place of the open pixel";
        public const string Excluded = "Destinations that are never tracked";
        public const string ExcludedHint =
            "Host names, one a line: example.com, or *.example.com for everything below it.";
        public const string Utm = "UTM parameters of destinations";
        public const string UtmHint =
            "As in an address: utm_source=newsletter&utm_medium=email. They are added to the targets of tracked links, "
            + "for your web statistics; empty: none.";
        public const string SystemLinks = "Links that are tracked and not counted";
        public const string SystemLinksHint =
            "Pages of your own that say nothing about a mail: unsubscribing, preferences, the mail in a browser. "
            + "One a line: example.com/preferences, *.example.com. A link may say so itself: data-link-role=\"system\".";
        public const string Privacy = "What is kept";
        public const string TrackingLevel = "Of people";
        public const string AddressPolicy = "Of addresses";
        public const string Retention = "Months that events are kept";
        public const string RetentionHint = "1 to 120.";

        public static string Command(string cluster) =>
            $"trackctl clusters set {cluster} --set trackClicks=true --set trackOpens=true";

        public static readonly (string Value, string Text)[] LinkStyles =
        [
            (nameof(Database.Entities.LinkStyle.Compact), "Compact: track.example.com/c/…"),
            (nameof(Database.Entities.LinkStyle.Path), "With the original path in sight"),
        ];

        public static readonly (string Value, string Text)[] KeepUrlTexts =
        [
            (nameof(Database.Entities.KeepUrlText.Off), "Rewritten as any other"),
            (nameof(Database.Entities.KeepUrlText.OtherDomain), "Left plain where the tracking host belongs to somebody else"),
            (nameof(Database.Entities.KeepUrlText.Always), "Always left plain"),
        ];

        public static readonly (string Value, string Text)[] PixelPositions =
        [
            (nameof(Database.Entities.PixelPosition.Bottom), "At the end"),
            (nameof(Database.Entities.PixelPosition.Top), "At the beginning"),
        ];

        public static readonly (string Value, string Text)[] Levels =
        [
            (nameof(Database.Entities.TrackingLevel.Full), "Full: events belong to a message and its recipient"),
            (nameof(Database.Entities.TrackingLevel.Pseudonymous),
                "Pseudonymous: events belong to a message id, no recipient is kept"),
            (nameof(Database.Entities.TrackingLevel.Anonymous), "Anonymous: counted, nothing of a person kept"),
            (nameof(Database.Entities.TrackingLevel.Off), "Off: nothing is tracked"),
        ];

        public const string KeepHtml = "Days that the HTML of mail is kept";
        public const string KeepHtmlHint = "0 to 400; 0 keeps none. It is what click maps are drawn on. Mail may hold more about people than their clicks do.";

        public static readonly (string Value, string Text)[] Policies =
        [
            (nameof(Database.Entities.AddressPolicy.Truncated), "The network only: /24 of IPv4, /48 of IPv6"),
            (nameof(Database.Entities.AddressPolicy.Full), "The whole address"),
            (nameof(Database.Entities.AddressPolicy.None), "No address"),
        ];
    }
}

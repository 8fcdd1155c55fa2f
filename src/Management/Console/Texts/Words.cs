namespace Tracking.Management.Console.Texts;

/// <summary>
/// Every text of the console, page by page. The files of this folder have all texts, so another language is another set
/// of these files. Every sentence is complete here; pages never put sentences together.
/// </summary>
internal static partial class Words
{
    public const string Product = "Tracking";
    public const string SkipToContent = "Skip to content";
    public const string MainMenu = "Main";
    public const string Overview = "Overview";
    public const string Live = "Live";
    public const string Messages = "Messages";
    public const string Domains = "Tracking domains";
    public const string Keys = "API keys";
    public const string Settings = "Settings";
    public const string AuditLog = "Audit log";
    public const string Clusters = "Clusters";
    public const string AllClusters = "All clusters";
    public const string SignOut = "Sign out";
    public const string Copy = "Copy";
    public const string Copied = "Copied";
    public const string Cancel = "Cancel";
    public const string Table = "Table";
    public const string Next = "Next page";
    public const string Save = "Save";
    public const string Saved = "Saved.";
    public const string Or = "or";
    public const string None = "none";
    public const string FixFields = "Some values are not right yet; each says what it takes.";

    public static string Title(string page, string? cluster) =>
        cluster is null ? $"{page} · {Product}" : $"{page} · {cluster}";

    public static string Zone(string zone) => $"Times: {zone}";

    public static string NeedYou(int domains) => domains == 1 ? "1 domain needs you" : $"{domains} domains need you";

    /// <summary>Sign-in.</summary>
    internal static class SignIn
    {
        public const string Title = "Sign in";
        public const string Lead =
            "The console opens with an API key: an admin's for every cluster, a cluster's for its own.";
        public const string Key = "API key";
        public const string KeyHint = "It begins with trk_. The first one was made at the first start and is in the file admin.key of the data folder.";
        public const string Submit = "Sign in";
        public const string Show = "Show";
        public const string Hide = "Hide";
        public const string Empty = "Enter a key: trk_ and 32 characters.";
        public const string Unknown =
            "This key does not work here. It may be mistyped, revoked, or its cluster deleted.";
        public static string OpenId(string name) => $"Sign in with {name}";

        public static string OpenIdFailed(string reason) => reason switch
        {
            "nobody" => "You are known there, but nothing here is for you. Whoever runs this installation decides that.",
            "revoked" => "An admin has revoked your access.",
            _ => "Signing in there did not work. Try again; whoever runs this installation finds the reason in the log.",
        };

        public const string TooMany =
            "Too many keys that are not known were tried. Wait a few seconds, then try again.";
        public const string Plain = "This connection is not encrypted: whoever is on the way can read the key. Use https, or sign in on the machine itself.";
    }

    /// <summary>Errors.</summary>
    internal static class Errors
    {
        public const string Home = "Go to the start page";
        public const string Again = "Try again";

        public static (string Title, string Text) Of(int status) => status switch
        {
            400 => ("This form is too old", "It was opened before you signed in, or in another session. Go back, load the page again and send it once more; nothing was changed."),
            403 => ("This came from another site", "A page of another site tried to send something here in your name. Nothing was changed."),
            404 => ("There is nothing here", "The address leads to nothing that your key opens. It may be mistyped, or what was here has been deleted."),
            405 => ("This cannot be opened", "The address belongs to a form; open the page that the form is on."),
            413 => ("This is too large", "What was sent is larger than it may be."),
            422 => ("This takes too long to count", "There are more events than can be counted in time. Choose a shorter period or a narrower filter."),
            429 => ("Too much at once", "More is asked for this cluster than its share. Wait a few seconds, then try again."),
            503 => ("The database is away", "Clicks and opens are still answered and kept; they appear here once it is back. Try again in a moment."),
            >= 500 => ("Something went wrong here", "It is written down with the number below; whoever runs this installation can find it by that."),
            _ => ("This did not work", "The request could not be understood. Go back and try again."),
        };

        public static string Trace(string trace) => $"Number {trace}";
    }

    /// <summary>Choosing and creating clusters.</summary>
    internal static class ClusterList
    {
        public const string Add = "Add cluster";
        public const string Lead = "Each cluster has mail, domains and keys of its own; none sees another's.";
        public const string Name = "Name";
        public const string Tracks = "Tracks";
        public const string Since = "Since";
        public const string SendsAs = "Sends as";
        public const string Empty = "No cluster yet";
        public const string EmptyText = "A cluster is one customer, brand or stream of mail. Add the first one:";
        public const string Command = "trackctl clusters create \"Harbour Shop\" --clicks --opens";
        public const string NameHint = "What people call it; up to 100 characters.";
        public const string TrackClicks = "Track clicks";
        public const string TrackOpens = "Track opens";
        public const string TrackHint = "Tracking is off unless you decide for it. Both can be changed later.";
        public const string Clicks = "clicks";
        public const string Opens = "opens";
        public const string Nothing = "nothing yet";
        public const string Both = "clicks and opens";
    }
}

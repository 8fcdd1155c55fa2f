namespace Tracking.Management.Console.Texts;

internal static partial class Words
{
    /// <summary>The preview of a rewritten message.</summary>
    internal static class Preview
    {
        public const string Entry = "Try a message";
        public const string Title = "What would this message become?";
        public const string Lead =
            "Nothing is sent and nothing is stored. The links that you see below are answered by nobody.";
        public const string Source = "The message, as its source";
        public const string SourceHint =
            "Header, an empty line, and the body: what a mail program calls “show original” or “view source”.";
        public const string File = "Or a file (.eml)";
        public const string FileHint =
            "A file wins over the text above. It is the better way for mail that is not UTF-8.";
        public const string Submit = "Show what it becomes";
        public const string Working = "Rewriting …";
        public const string Empty = "Paste a message, or choose a file.";
        public const string NoRewriter =
            "No rewriter answered in time. Nothing is wrong with the message; try again in a moment.";
        public const string Warnings = "Worth a look";
        public const string NoWarnings = "Nothing to complain about.";
        public const string Links = "Links";
        public const string NoLinks = "There is no link in it.";
        public const string Url = "Leads to";
        public const string Text = "Text";
        public const string What = "Becomes";
        public const string Part = "Part";
        public const string BeforeAndAfter = "Before and after";
        public const string Before = "Before";
        public const string After = "After";
        public const string Unchanged = "Nothing changes in it.";
        public const string NoTextPart = "Not a text; it stays as it is.";

        public static string TooLarge(long bytes) =>
            $"This is larger than {Bytes(bytes)}, the most that is taken here.";

        public static string Outcome(int tracked, int links, bool opens, string host) => (tracked, opens) switch
        {
            (0, false) => "It goes out without tracking.",
            (0, true) => $"No link of it is tracked; opens are counted by a pixel on {host}.",
            (_, true) => $"{Number(tracked)} of {Number(links)} links lead over {host}, and opens are counted.",
            _ => $"{Number(tracked)} of {Number(links)} links lead over {host}; opens are not counted.",
        };

        public static string Kind(string kind) => kind switch
        {
            "header" => "Header",
            "html" => "HTML",
            "amp" => "HTML for AMP",
            "text" => "Plain text",
            _ => "Something else",
        };

        public static string Size(int before, int after) =>
            before == after ? Bytes(before) : $"{Bytes(before)}, then {Bytes(after)}";

        public static string LeftOut(int characters) => $"… {Number(characters)} characters that stay …";

        public static string Bytes(long bytes) => $"{Number(bytes)} bytes";

        public static string Warning(string warning, string host) => warning switch
        {
            "html-over-102400" => "The HTML is longer than 102,400 bytes. Gmail cuts it there and hides the rest behind a link, the open pixel with it.",
            "no-text-part" => "There is no plain text part. Some readers and filters want one.",
            "visible-url-leads-elsewhere" => $"A link shows a URL and leads over {host}, another domain than it shows. Mail programs and filters warn of such links: give the link words instead, use a tracking domain below the domain that is shown, or leave such links plain in the settings.",
            "no-list-unsubscribe" => "There is no List-Unsubscribe header. Large mailbox providers want one, with one click, in mail to many.",
            "links-over-http" => $"Links over {host} are http, not https, and browsers warn before them. A tracking domain gets its certificate by itself.",
            _ => warning.Replace('-', ' '),
        };

        /// <summary>The decision about a link.</summary>
        public static string Decision(string decision) => decision switch
        {
            "tracked" => "Tracked",
            "tracking-off" => "Plain: clicks are not tracked in this part",
            "opt-out" => "Plain: marked so by its sender",
            "empty" => "Plain: it leads nowhere",
            "not-http" => "Plain: neither http nor https",
            "relative" => "Plain: without a host, and nothing says which",
            "not-a-url" => "Plain: not a URL",
            "too-long" => "Plain: longer than a link may be",
            "unclear-end" => "Plain: nobody can tell where it ends",
            "tracking-host" => "Plain: it leads to a tracking host already",
            "already-tracked" => "Plain: it is tracked already",
            "excluded-domain" => "Plain: its destination is excluded in the settings",
            "unsubscribe" => "Plain: it unsubscribes",
            "tracking-host-has-no-https" => "Plain: an https link, and the tracking host has only http",
            "visible-text-is-a-url" => "Plain: its text is a URL",
            "too-many-links" => "Plain: there are more links than can be counted",
            "content-not-in-its-charset" => "Plain: it cannot be changed in this charset with certainty",
            "line-too-long" => "Plain: its line would be longer than mail allows",
            _ => Untouched(decision),
        };

        /// <summary>Why a message or a part stays unchanged.</summary>
        public static string Untouched(string reason) => reason switch
        {
            "tracking-off" => "Neither clicks nor opens are tracked: the settings say so.",
            "no-tracking-host" => "There is no tracking host for its links.",
            "no-html-or-text" => "No part of it is HTML or plain text.",
            "nothing-to-track" => "There is no link to wrap and no pixel to add.",
            "dkim-signed" => "It carries a DKIM or ARC signature, which a change would break. Rewrite before signing.",
            "signed" => "It is signed (S/MIME or OpenPGP), and a change would break that.",
            "encrypted" => "It is encrypted.",
            "attachment" => "An attachment stays as it is.",
            "enclosed-message" => "A message inside the message stays as it is.",
            "other-type" => "This type has no links to wrap.",
            "no-boundary" => "Its parts have no boundary.",
            "encoded-multipart" => "Its parts stand under an encoding, which mail forbids.",
            "malformed-header" => "A line of the header is not a field.",
            "no-body" => "There is a header and nothing behind it.",
            "duplicate-header" => "A header field that must be one is there twice.",
            "header-too-large" => "The header is larger than is read.",
            "nested-too-deeply" => "Its parts are nested deeper than is read.",
            "too-many-parts" => "It has more parts than are read.",
            "content-length-or-checksum-in-the-header" => "The header states a length or checksum in a form that is not understood.",
            "unknown-transfer-encoding" => "Its transfer encoding is not known.",
            "invalid-transfer-encoding" => "It is not in the encoding that it claims.",
            "charset-not-supported" => "Its charset is not supported.",
            "content-not-in-its-charset" => "It is not in its charset.",
            "too-large-to-decode" => "It is larger than is decoded in this charset.",
            "unterminated-markup" => "The HTML ends inside a tag, comment or script.",
            "too-many-attributes" => "A tag has more attributes than are read.",
            "ambiguous-foreign-content" => "A drawing or formula in it can be read in two ways.",
            "ambiguous-raw-text" => "Parsers differ about what is text in it.",
            "internal-fault" => "A fault in the rewriter; it is in the log.",
            _ => reason.Replace('-', ' '),
        };
    }
}

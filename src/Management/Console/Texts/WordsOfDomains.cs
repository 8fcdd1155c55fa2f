using Tracking.Database.Entities;

namespace Tracking.Management.Console.Texts;

internal static partial class Words
{
    /// <summary>Tracking domains.</summary>
    internal static class Domain
    {
        public const string Add = "Add tracking domain";
        public const string Lead = "Links in your mail carry a name of your own. One CNAME record proves that it is yours and leads recipients here.";
        public const string Name = "Name";
        public const string State = "State";
        public const string Https = "HTTPS";
        public const string Clicks = "Clicks, 7 days";
        public const string Default = "Default";
        public const string WillBeDefault = "Default once verified";
        public const string Search = "Part of the name";
        public const string Find = "Search";
        public const string Empty = "No tracking domain yet";
        public const string NothingFound = "No tracking domain has this in its name.";
        public const string Hostname = "Tracking domain";
        public const string HostnameHint = "A name below a domain of yours, at least three labels: track.example.com. Short and stable, since it appears in every link.";
        public const string SetAsDefault = "Set as default";
        public const string SetAsDefaultHint = "From its verification on, messages that name no host use it.";
        public const string WhatNext = "What happens next";
        public const string Next1 = "The next page shows one CNAME record. Make it at your DNS provider.";
        public const string Next2 = "We look for it by ourselves, often in the first hour; Verify now looks at once.";
        public const string Next3 = "HTTPS comes by itself, mostly within a minute. Then new links use the name.";
        public const string Verify = "Verify now";
        public const string Verifying = "Asking DNS …";
        public const string Set = "Set as default";
        public const string Unset = "Unset as default";
        public const string Retire = "Stop using for new links";
        public const string Reuse = "Use for new links again";
        public const string Delete = "Delete…";
        public const string Record = "Record";
        public const string Verified = "Verified";
        public const string Certificate = "Certificate";
        public const string InUse = "In use";
        public const string TheRecord = "The record to have";
        public const string Type = "Type";
        public const string Target = "Target";
        public const string FullName = "Whole name";
        public const string Proxy = "Proxy";
        public const string GreyCloud = "DNS only: the grey cloud";
        public const string WhatDns = "What DNS says now";
        public const string NotAsked = "DNS has not been asked yet.";
        public const string AllWell = "The record leads here.";
        public const string EveryQuestion = "Every question that was asked";
        public const string Expected = "Expected";
        public const string Found = "Found";
        public const string History = "History";
        public const string NoHistory = "Nothing has happened yet.";
        public const string Options = "Options";
        public const string TrackClicks = "Track clicks on this name";
        public const string TrackOpens = "Track opens on this name";
        public const string HttpsPolicy = "HTTPS";
        public const string HttpsRequired = "Required: no new links before there is a certificate";
        public const string HttpsOptional =
            "Optional, for a transition: links are http until there is one, and browsers warn before them";
        public const string UtmHint =
            "As in an address: utm_source=newsletter&utm_medium=email. They go before those of the settings; "
            + "off: none; empty: those of the settings.";
        public const string Excluded = "Destinations that stay plain";
        public const string ExcludedHint =
            "One a line: example.com, *.example.com, or either with a path such as example.com/account.";
        public const string Providers = "Where to make it";
        public const string DeleteTitle = "Delete a tracking domain";
        public const string DeleteNow = "Delete for good";
        public const string TypeName = "To delete it, type its name";
        public const string WrongName = "This is not its name. Type it exactly as it stands above.";
        public const string Mild = "The mild way: it stays, its old links go on working, and no new link uses it.";
        public const string NoUndo =
            "This takes effect at once and cannot be undone: recipients who click a link on it see an error.";
        public const string NotCounted = "There are too many to count in the time of a page.";
        public const string NoClick = "No click on it is on record.";
        public const string NoVerifier = "No answer came in time. The check goes on by itself; look again in a moment.";

        public static string CheckedJustNow(string next) =>
            $"This name was checked a moment ago. The next check is possible at {next}.";

        public static string AddCommand(string cluster) =>
            $"trackctl domains add track.example.com --cluster {cluster}";

        public static string Deleted(string name) => $"{name} is deleted. Links on it do not work any more.";

        public static string IsDefaultNow(string name) => $"New links use {name}.";

        public static string NoDefaultNow(string system) => $"No name is the default now. New links use {system}.";

        public static string Dies(long links, long messages) =>
            $"{Number(links)} links in {Number(messages)} messages are on this name and stop working.";

        public static string DiesClicks(long week) => $"{Number(week)} clicks on them came in the last 7 days.";

        public static string ProviderIs(string provider) => $"Your DNS is at {provider}";

        public static string DaysLeft(int days) => days == 1 ? "1 day left" : $"{days} days left";

        public static string Asked(string at, string? next) => next is null
            ? $"asked {at} · next look only when somebody asks" : $"asked {at} · next look {next}";

        public static string NextLook(string next) => $"next look {next}";

        public static string RememberedUntil(string at) => $"Other resolvers may show the old answer until {at}.";

        public static string By(string server, string at) => $"{server}, {at}";

        public static string HttpsOf(TlsWord state, int days) => state switch
        {
            TlsWord.Active => DaysLeft(days),
            TlsWord.External => "ends in front of us",
            TlsWord.Expired => "expired",
            TlsWord.Pending => "on its way",
            TlsWord.Failed => "not issued",
            TlsWord.Paused => "paused by the authority",
            _ => "after verification",
        };

        /// <summary>The result of a check in a few words, by the code of its first finding.</summary>
        public static string Finding(string? code) => code switch
        {
            null => "Waiting for its record",
            "no-record" => "Not found yet",
            "other-target" or "wildcard-in-the-way" => "Points somewhere else",
            "several-records" => "Several records with this name",
            "loop" => "The aliases lead in a circle",
            "chain-too-long" => "Too many aliases in a row",
            "wildcard-to-target" => "A wildcard record leads here",
            "address-instead-of-cname" or "flattened" => "An address instead of the record",
            "proxied" => "Behind a proxy",
            "target-proxied" => "Our own target is behind a proxy",
            "doubled-suffix" => "The domain stands twice in the name",
            "value-with-zone-appended" => "The domain was appended to the target",
            "value-with-scheme" => "The target was entered as a URL",
            "no-zone" => "The domain does not exist in DNS",
            "dnssec-bogus" => "DNSSEC is broken",
            "not-yet-published" => "Not published everywhere yet",
            "servers-disagree" => "Name servers disagree",
            "delegation-mismatch" => "The parent zone names other name servers",
            "https-forced-by-parent" => "A parent domain demands HTTPS",
            "time-out" or "server-unreachable" or "servfail" or "no-network" or "resolver-only" or "lame-server"
                or "server-refuses" or "bad-answers" or "too-many-queries" or "name-server-address-refused"
                => "Cannot be checked right now",
            _ => "Not right yet",
        };

        public const string StillAnswers = "Still answers old links";
        public const string CertificateOnItsWay = "Certificate on its way";
        public const string UsedForNew = "In use for new links";
        public const string Ready = "Verified";

        public static string Stopped(string since) => $"Stopped since {since}";

        public static string WarnedUntil(string until) => $"Links on it work until {until}.";

        public static string StepRecord(bool isRight, string finding) => isRight ? "Leads here" : finding;

        public static string StepVerified(string? at, bool isActive) => at is null ? "As soon as the record is there"
            : isActive ? $"{at}, checked every day" : $"Last on {at}";

        /// <summary>The state of the certificate, with the last error and the time of the next attempt.</summary>
        public static string StepCertificate(
            TlsWord state, int days, string? until, string? error, string? again = null)
        {
            var text = state switch
            {
                TlsWord.Active => $"Valid until {until}, {DaysLeft(days)}",
                TlsWord.External => "TLS ends in front of this installation",
                TlsWord.Expired => "Its time is over",
                TlsWord.Pending when error is not null => error,
                TlsWord.Pending => "On its way, mostly under a minute",
                TlsWord.Failed or TlsWord.Paused => error ?? "The authority has not issued it",
                _ => "Comes by itself after verification",
            };
            var failure = error is null || text == error ? text : $"{text}. {error}";
            return error is null || again is null ? failure : $"{failure} It is {Words.Certificate.Next(again)}.";
        }

        public static string StepInUse(NewLinks links, bool isDefault) => (links, isDefault) switch
        {
            (NewLinks.Accepted, true) => "For every new link",
            (NewLinks.Accepted, false) => "Where a message asks for it",
            (NewLinks.Retired, _) => "Old links only",
            (NewLinks.NoCertificate, _) => "Once it has a certificate",
            _ => "After verification",
        };

        public static string Check(CheckCause cause, CheckOutcome outcome, CheckEffect effect) => effect switch
        {
            CheckEffect.Activated => "Verified: links on it work.",
            CheckEffect.Warned => "First failed check. A warning was sent; it stays active for a day.",
            CheckEffect.Demoted => "Second failed check a day later: pending again, links on it stopped.",
            CheckEffect.Recovered => "The record is right again.",
            _ => outcome switch
            {
                CheckOutcome.Verified => "Checked: the record is right.",
                CheckOutcome.Contradicted => cause == CheckCause.Polled
                    ? "Looked: not there yet."
                    : "Checked: the record is not right.",
                _ => "Nobody could tell; that counts for nothing.",
            },
        };

        public static string Hop(string purpose, string name, string type) => purpose switch
        {
            "zone" => $"Who serves {name}",
            "resolver" => $"{name} {type}, asked of the resolver",
            "probe" => $"{name} {type}, to explain it",
            _ => $"{name} {type}",
        };

        public static string NoAnswer(string? failure) =>
            failure == "timed-out" ? "no answer in time" : $"no answer: {failure}";

        /// <summary>How to make the record, provider by provider.</summary>
        public static readonly (string Name, string[] Steps)[] HowTo =
        [
            ("Cloudflare",
            [
                "Log in to the Cloudflare dashboard and select your domain.",
                "Go to DNS → Records and press Add record.",
                "Type CNAME, name and target as above.",
                "Proxy status: DNS only, the grey cloud. With the orange cloud verification fails and clicks do not arrive.",
                "TTL: Auto. Press Save.",
            ]),
            ("Amazon Route 53",
            [
                "Open the Route 53 console, Hosted zones, and click your domain.",
                "Press Create record.",
                "Record name as above, record type CNAME, the target as the value.",
                "TTL: 300, or as you like. Press Create records.",
            ]),
            ("Another provider",
            [
                "Log in where your domain's DNS is managed, and open its DNS settings.",
                "Add a record of type CNAME, with name and target as above.",
                "Most providers append your domain to the name by themselves: enter the short name only.",
                "TTL: the default, or 3600. Save. Most changes are seen within minutes; some take up to 48 hours.",
            ]),
        ];
    }

    /// <summary>The states of HTTPS.</summary>
    internal enum TlsWord
    {
        None,
        Pending,
        Active,
        Expired,
        External,
        Failed,
        Paused,
    }
}

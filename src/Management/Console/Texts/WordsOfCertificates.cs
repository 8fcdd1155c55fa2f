namespace Tracking.Management.Console.Texts;

internal static partial class Words
{
    /// <summary>A tracking domain's certificate.</summary>
    internal static class Certificate
    {
        public const string Title = "Certificate";
        public const string More = "The certificate, and what was tried for it";
        public const string Retry = "Try again now";
        public const string State = "State";
        public const string Issuer = "Issued by";
        public const string From = "Valid from";
        public const string Until = "Valid until";
        public const string RenewAt = "Renewed at";
        public const string NextAttempt = "Next attempt";
        public const string Reason = "Why not";
        public const string Paused = "The authority waits for a person";
        public const string PausedLink = "Let it go on there";
        public const string Timeline = "What was tried";
        public const string Nothing = "Nothing has been tried yet. A certificate is ordered within seconds after the name is verified, where the operator has named an authority.";

        public static string Asked => "An attempt begins in a moment. Load the page again to see how it ends.";

        public static string Next(string at) => $"tried again {at}";

        /// <summary>A step towards the certificate.</summary>
        public static string Step(string step, bool succeeded) => (step, succeeded) switch
        {
            ("check", true) => "Looked at the name ourselves",
            ("check", false) => "Our own look says that it would fail",
            ("order", true) => "Ordered",
            ("order", false) => "The order was refused",
            ("challenge", true) => "The name was proved",
            ("challenge", false) => "The authority could not prove the name",
            ("finalize", true) => "The authority took the key",
            ("finalize", false) => "The authority did not take the key",
            ("download", true) => "Fetched",
            ("download", false) => "The certificate could not be fetched, or was not what was ordered",
            ("stored", _) => "In use from here on",
            ("revoked", _) => "Revoked",
            _ => step,
        };
    }

    /// <summary>The services, for the operator.</summary>
    internal static class Services
    {
        public const string Title = "Services";
        public const string Lead = "Whether each process has what it needs, asked now.";
        public const string This = "This process";
        public const string Service = "Service";
        public const string State = "State";
        public const string Needs = "Needs";
        public const string Work = "Work that waits";
        public const string NewestEvent = "Newest event stored";
        public const string NoEvent = "None yet";
        public const string OverdueChecks = "Tracking domains whose check is overdue";
        public const string FailingCertificates = "Names without a certificate whose last attempt failed";
        public const string Dashboard = "Traces and metrics";
        public const string OnlyThis = "Addresses of the other services are not set (Tracking__Console__Services__0 and on), so only this process is shown.";
        public const string NoAnswer = "does not answer";

        public static string Status(string status) => status switch
        {
            "Healthy" => "ready",
            "Degraded" => "works, without something",
            "Unhealthy" => "not ready",
            _ => NoAnswer,
        };

        /// <summary>The name of a dependency in a health check.</summary>
        public static string Check(string check) => check switch
        {
            "database" => "database",
            "masstransit-bus" => "bus",
            _ => check.Replace('-', ' '),
        };
    }
}

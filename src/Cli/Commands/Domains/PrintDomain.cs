using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands.Domains;

/// <summary>Prints a tracking domain for people. The record comes first, because it is needed first.</summary>
internal static class PrintDomain
{
    public static void To(Terminal terminal, JsonObject domain, bool verbose)
    {
        var name = (string?)domain["hostname"];
        var unicode = (string?)domain["unicode"];
        terminal.Line(unicode == name ? $"{name}" : $"{name} ({unicode})");
        terminal.Line("");
        Record(terminal, domain["verification"]!, domain["lastCheck"]);
        terminal.Line("");
        terminal.Line($"Status:       {Status(domain)}");
        terminal.Line($"New links:    {domain["sentence"]}");
        terminal.Line($"Certificate:  {Tls(domain["tls"])}");
        terminal.Line($"Tracks:       {Tracks(domain)}");
        terminal.Line($"Https:        {domain["https"]}");
        if ((string?)domain["utm"] is { Length: > 0 } utm)
        {
            terminal.Line($"UTM:          {utm}");
        }

        if (domain["excludedDomains"] is JsonArray { Count: > 0 } excluded)
        {
            terminal.Line($"Stays plain:  {string.Join(", ", excluded.Select(entry => (string?)entry))}");
        }

        terminal.Line($"Last check:   {(string?)domain["lastCheckedAt"] ?? "none yet"}");
        terminal.Line($"Next check:   {(string?)domain["nextCheck"] ?? "when somebody asks: trackctl domains verify"}");
        if (domain["lastCheck"] is JsonObject diagnosis)
        {
            PrintDiagnosis.To(terminal, diagnosis, verbose);
        }
    }

    /// <summary>Prints the record: name and value in the form of most providers, or in the form of the zone's provider
    /// if a check has found it.</summary>
    public static void Record(Terminal terminal, JsonNode record, JsonNode? lastCheck)
    {
        var provider = (string?)lastCheck?["provider"];
        var where = provider is null ? "" : $", at {provider}";
        terminal.Line($"The record to make in the DNS zone {record["zone"]}{where}:");
        terminal.Line($"  Type   {record["type"]}");
        terminal.Line($"  Name   {record["relativeName"]}");
        terminal.Line($"  Value  {(provider is null ? null : lastCheck!["valueToEnter"]) ?? record["value"]}");
        if (Hint(provider) is { } hint)
        {
            terminal.Line($"  {hint}");
        }

        terminal.Line($"  A form that does not add the zone by itself takes the whole name: {record["name"]}");
    }

    /// <summary>The state of the certificate in words.</summary>
    public static string Tls(JsonNode? tls) => (string?)tls?["status"] switch
    {
        "active" => $"valid until {tls!["notAfter"]}",
        "expired" => $"expired at {tls!["notAfter"]}",
        "external" => "what stands in front of this system has it",
        "pending" => "not there yet" + (tls!["error"] is { } error ? $": {error}" : ""),
        "failed" => $"not there: {tls!["error"]}",
        "paused" => $"not there, the authority waits for a person at {tls!["pausedUrl"]}",
        "none" => "ordered as soon as the record is verified",
        var other => other ?? "unknown",
    };

    private static string? Hint(string? provider) => provider switch
    {
        "Cloudflare" => "Proxy  DNS only (the grey cloud): behind the proxy it cannot be verified",
        "Amazon Route 53" => "TTL    300, a simple record of the type CNAME and no alias record",
        _ => null,
    };

    private static string Status(JsonObject domain)
    {
        var status = $"{domain["status"]} since {domain["statusSince"]}";
        if ((bool?)domain["isDefault"] == true)
        {
            status += ", the default";
        }
        else if ((bool?)domain["setAsDefault"] == true)
        {
            status += ", the default as soon as it is verified";
        }

        if ((bool?)domain["retired"] == true)
        {
            status += ", retired";
        }

        return (int?)domain["strikes"] > 0
            ? status + $"; {domain["strikes"]} failed check, at the second it becomes pending"
            : status;
    }

    private static string Tracks(JsonObject domain) =>
        ((bool?)domain["trackClicks"], (bool?)domain["trackOpens"]) switch
        {
            (true, true) => "clicks and opens",
            (true, _) => "clicks, no opens",
            (_, true) => "opens, no clicks",
            _ => "nothing",
        };
}

using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands.Domains;

/// <summary>Prints a diagnosis for people: the findings, the next steps, and on demand every question.</summary>
internal static class PrintDiagnosis
{
    public static void To(Terminal terminal, JsonObject diagnosis, bool verbose)
    {
        foreach (var finding in diagnosis["findings"] as JsonArray ?? [])
        {
            terminal.Line("");
            terminal.Line($"{Severity(finding!["severity"])}: {finding["text"]}");
            Fact(terminal, "expected", finding["expected"]);
            Fact(terminal, "seen", finding["seen"]);
            Fact(terminal, "by", finding["server"]);
            Fact(terminal, "remembered until", finding["rememberedUntil"]);
            Fact(terminal, "next step", finding["nextStep"]);
        }

        if (verbose)
        {
            Hops(terminal, diagnosis["hops"] as JsonArray ?? []);
        }
    }

    private static void Hops(Terminal terminal, JsonArray hops)
    {
        terminal.Line("");
        terminal.Line("What was asked:");
        foreach (var hop in hops)
        {
            var server = string.Join(' ', new[] { (string?)hop!["server"], (string?)hop["address"] }
                .Where(part => part is not null));
            terminal.Line($"  {hop["name"]} {hop["type"]} at {(server.Length == 0 ? "the resolver" : server)} "
                + $"({hop["transport"]}, {hop["purpose"]})");
            var answer = (string?)hop["rcode"] ?? (string?)hop["failure"] ?? "no answer";
            var ttl = hop["ttl"] is { } seconds ? $", remembered for {seconds} s" : "";
            var more = hop["extendedError"] is { } error ? $", {error}" : "";
            terminal.Line($"    {answer}{ttl}{more}");
            foreach (var record in hop["answers"] as JsonArray ?? [])
            {
                terminal.Line($"    {record}");
            }
        }
    }

    private static void Fact(Terminal terminal, string name, JsonNode? value)
    {
        if (value is not null)
        {
            terminal.Line($"  {name}: {value}");
        }
    }

    private static string Severity(JsonNode? severity) => (string?)severity switch
    {
        "error" => "Error",
        "warning" => "Warning",
        _ => "Note",
    };
}

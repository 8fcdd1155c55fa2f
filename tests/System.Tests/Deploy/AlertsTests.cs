using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Tracking.Servers;

namespace Tracking.System.Tests.Deploy;

/// <summary>Every alert has a runbook, and its instruments exist.</summary>
public sealed partial class AlertsTests
{
    // Metrics of other programs, by program.
    private static readonly string[] _ofOthers =
    [
        // rabbitmq_prometheus, with a series for each queue
        "rabbitmq_queue_messages_ready", "rabbitmq_queue_consumers",
        "rabbitmq_alarms_free_disk_space_watermark", "rabbitmq_alarms_memory_used_watermark",
        // the kubelet, and node_exporter
        "kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes",
        "node_filesystem_avail_bytes", "node_filesystem_size_bytes",
        // .NET: Microsoft.AspNetCore.Hosting and System.Runtime, which are collected according to docs/telemetry.md
        "http_server_request_duration_seconds_count", "dotnet_process_memory_working_set_bytes",
    ];

    private static readonly List<JsonNode> _rules =
        [.. Manifests.Read("alerts", "prometheus.yaml").Single()["groups"].Items()
            .SelectMany(group => group["rules"].Items())];

    public static TheoryData<string> Alerts => [.. _rules.Select(Name)];

    [Theory]
    [MemberData(nameof(Alerts))]
    public void An_alert_looks_at_metrics_that_exist(string alert)
    {
        var metrics = Metrics(Rule(alert).Text("expr")!);
        Assert.NotEmpty(metrics);
        Assert.All(metrics, metric => Assert.Contains(metric, Exported().Concat(_ofOthers)));
    }

    [Theory]
    [MemberData(nameof(Alerts))]
    public void An_alert_says_how_urgent_it_is_and_its_runbook_repeats_it(string alert)
    {
        var rule = Rule(alert);
        Assert.Contains(rule.Text("labels", "severity"), new[] { "page", "ticket" });
        Assert.False(string.IsNullOrWhiteSpace(rule.Text("annotations", "summary")));

        var runbook = File.ReadAllText(Path.Combine(BuiltPrograms.Repository, rule.Text("annotations", "runbook")!));
        Assert.Contains($"**{alert}** ({rule.Text("labels", "severity")}", runbook, StringComparison.Ordinal);
        Assert.Contains(OneLine(rule.Text("expr")!), OneLine(runbook), StringComparison.Ordinal);
        Assert.All(
            ["## What it means", "## Look", "## Do", "## Over"],
            part => Assert.Contains(part, runbook, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_alert_has_a_name_of_its_own_and_every_runbook_is_found_from_the_list()
    {
        Assert.Equal(_rules.Count, _rules.Select(Name).Distinct().Count());
        var list = File.ReadAllText(Manifests.PathOf("runbooks", "README.md"));
        Assert.All(_rules, rule => Assert.Contains(
            $"`{Name(rule)}`",
            list.Split('\n').Single(line => line.Contains(
                $"({Path.GetFileName(rule.Text("annotations", "runbook"))})", StringComparison.Ordinal)),
            StringComparison.Ordinal));

        // Runbooks for planned work have no alert.
        string[] others = ["README.md", "backup-and-restore.md", "rolling-upgrade.md", "users-of-their-own.md",
            "master-key.md"];
        Assert.Equal(
            Directory.EnumerateFiles(Manifests.PathOf("runbooks")).Select(Path.GetFileName).Except(others).Order(),
            _rules.Select(rule => Path.GetFileName(rule.Text("annotations", "runbook"))).Distinct().Order());
    }

    [Fact]
    public void Every_alert_is_raised_by_the_rules_own_test()
    {
        var test = File.ReadAllText(Manifests.PathOf("alerts", "prometheus.test.yaml"));
        Assert.All(_rules, rule =>
            Assert.Contains($"{{alertname=\"{Name(rule)}\"}}", test, StringComparison.Ordinal));
    }

    [Fact]
    public void Reasons_that_alerts_name_are_counted()
    {
        var outcomes = File.ReadAllText(
            Path.Combine(BuiltPrograms.Repository, "src", "RedirectEdge", "EdgeOutcome.cs"));
        var named = _rules.SelectMany(rule => Reason().Matches(rule.Text("expr")!))
            .SelectMany(match => match.Groups[1].Value.Split('|')).ToList();
        Assert.NotEmpty(named);
        Assert.All(named, reason => Assert.Contains($"    {reason},", outcomes, StringComparison.Ordinal));
    }

    [Fact]
    public void Outcomes_that_alerts_name_are_counted()
    {
        var sources = new[] { "src/Rewrite", "src/SharedCache" }
            .SelectMany(folder => Directory.EnumerateFiles(
                Path.Combine(BuiltPrograms.Repository, folder), "*.cs", SearchOption.AllDirectories))
            .Select(File.ReadAllText).ToList();
        var named = _rules.SelectMany(rule => Outcome().Matches(rule.Text("expr")!))
            .SelectMany(match => match.Groups[1].Value.Split('|')).ToList();
        Assert.NotEmpty(named);
        Assert.All(named, outcome => Assert.Contains(
            sources, source => source.Contains($"\"{outcome}\"", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("sum by (le) (rate(a_b{c=~\"d|e\"}[10m])) > 0.5 * 8 unless max(f_g offset 1h) > 0", "a_b f_g")]
    [InlineData("g and sum(h{i=\"j\"}) or absent_over_time(k[5m])", "g h k")]
    public void Metrics_are_found_in_an_expression(string expression, string metrics) =>
        Assert.Equal(metrics.Split(' '), Metrics(expression));

    private static List<string> Metrics(string expression) =>
        [.. Metric().Matches(NotMetrics().Replace(expression, " ")).Select(match => match.Value).Distinct()];

    // The names of OTLP instruments in Prometheus: dots become underscores, the unit is added unless the name ends with
    // it, a counter ends with _total, a histogram is several. Units in braces are left out.
    private static List<string> Exported() =>
        [.. Instrument().Matches(File.ReadAllText(Path.Combine(BuiltPrograms.Repository, "docs", "telemetry.md")))
            .SelectMany(match => Series(
                match.Groups["name"].Value.Replace('.', '_'), match.Groups["kind"].Value, match.Groups["unit"].Value))];

    private static IEnumerable<string> Series(string name, string kind, string unit)
    {
        var word = unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
        var withUnit = name.EndsWith(word, StringComparison.Ordinal) ? name : name + word;
        return kind switch
        {
            "counter" => [withUnit + "_total"],
            "histogram" => [withUnit + "_bucket", withUnit + "_sum", withUnit + "_count"],
            _ => [withUnit],
        };
    }

    private static JsonNode Rule(string alert) => _rules.Single(rule => Name(rule) == alert);

    private static string Name(JsonNode rule) => rule.Text("alert")!;

    private static string OneLine(string text) => WhiteSpace().Replace(text, " ").Trim();

    // Labels, ranges, functions, aggregations and their labels, operators, durations.
    [GeneratedRegex(
        """
        \{[^}]*\} | \[[^\]]*\] | \b(?:by|without|on|ignoring)\s*\([^)]*\) | \boffset\s+\w+
        | \b\w+\s*(?=\(|by\b|without\b) | \b(?:and|or|unless)\b | \b[0-9][0-9.]*\b
        """,
        RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex NotMetrics();

    [GeneratedRegex("[a-z][a-z0-9_]*")]
    private static partial Regex Metric();

    [GeneratedRegex("outcome=~?\"([^\"]*)\"")]
    private static partial Regex Outcome();

    [GeneratedRegex("reason=~?\"([^\"]*)\"")]
    private static partial Regex Reason();

    [GeneratedRegex(
        @"^\|[^|]*\| `(?<name>tracking\.[a-z.]+)` \| (?<kind>[a-z]+) \| `(?<unit>[^`]+)` \|", RegexOptions.Multiline)]
    private static partial Regex Instrument();

    [GeneratedRegex(@"\s+")]
    private static partial Regex WhiteSpace();
}

using System.Globalization;
using System.Net;
using System.Text;
using Tracking.Contracts;
using Tracking.Database.Entities;
using Tracking.EventIngest.Bots;
using Tracking.Links;

namespace Tracking.EventIngest.Tests.Bots;

/// <summary>
/// <c>Corpus.tsv</c>: events with the true cause of each, judged as ingest judges them: each event alone, and together
/// with the other events of its message. The test prints the confusion matrix. No person of the corpus may be
/// classified as a machine, and fewer than one in twenty machines may be missed.
/// </summary>
public sealed class CorpusTests(ITestOutputHelper output)
{
    private static readonly string[] _truths = ["person", "proxy", "prefetch", "preview", "scanner"];

    [Fact]
    public void No_person_of_the_corpus_is_called_a_machine()
    {
        var cases = Cases();
        var judged = cases.Zip(Judge(cases), (one, verdict) => (one.Truth, Verdict: verdict, one.Agent)).ToList();
        Print(judged.Select(one => (one.Truth, one.Verdict)).ToList());

        Assert.True(cases.Count >= 400, $"{cases.Count} cases");
        Assert.All(judged, one => Assert.Contains(one.Truth, _truths));
        Assert.DoesNotContain(judged, one => one.Truth is "person" or "proxy" && one.Verdict.IsMachine());
        var machines = judged.Where(one => one.Truth is "prefetch" or "preview" or "scanner").ToList();
        var missed = machines.Where(one => !one.Verdict.IsMachine()).ToList();
        output.WriteLine($"Missed {missed.Count} of {machines.Count} machines: " + string.Join(
            "\n  ", missed.Select(one => $"{one.Truth} called {one.Verdict}: {one.Agent}")));
        Assert.True(missed.Count * 20 < machines.Count, $"{missed.Count} of {machines.Count} machines are missed");
    }

    private void Print(List<(string Truth, Verdict Verdict)> judged)
    {
        output.WriteLine($"{"truth",-10}" + string.Concat(Enum.GetNames<Verdict>().Select(name => $"{name,10}")));
        foreach (var truth in _truths)
        {
            output.WriteLine($"{truth,-10}" + string.Concat(Enum.GetValues<Verdict>().Select(
                verdict => $"{judged.Count(one => one.Truth == truth && one.Verdict == verdict),10}")));
        }
    }

    private static List<Verdict> Judge(List<Case> cases)
    {
        var classify = new ClassifyEvent();
        var events = cases.Select(one =>
        {
            var network = one.Network switch
            {
                "apple" => NetworkRules.Of(714, one.Kind),
                "hosting" => NetworkRules.Of(16509, one.Kind),
                "security" => NetworkRules.Of(15324, one.Kind),
                _ => null,
            };
            var judged = classify.Recognise(Encoding.UTF8.GetBytes(one.Agent)).For(one.Kind, one.Shape, network);
            return new StoredEvent
            {
                Id = Guid.NewGuid(),
                Cluster = 1,
                Message = new MessageKey((ulong)one.Scene, 0),
                Micros = one.Millis * 1000,
                Kind = one.Kind,
                Link = (ulong)one.Link,
                Ordinal = (ushort)one.Link,
                Address = one.Address,
                UserAgent = one.Agent,
                Verdict = judged.Verdict,
                Score = judged.Score,
                Reasons = [.. judged.Evidence.Select(reason => reason.Code)],
            };
        }).ToList();

        var judge = new JudgeMessage(new ClassificationOptions(), RuleSet.Shipped);
        var later = events.Zip(cases).Where(one => one.Second.Scene > 0).GroupBy(one => one.Second.Scene)
            .SelectMany(scene => judge.Run([.. scene.Select(one => one.First)], 0)).ToDictionary();
        return [.. events.Select(one => later.TryGetValue(one, out var opinion) ? opinion.Verdict : one.Verdict)];
    }

    private static List<Case> Cases() =>
        [.. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Bots", "Corpus.tsv"))
            .Where(line => !line.StartsWith('#')).Select(line => Read(line.Split('\t')))];

    private static Case Read(string[] fields)
    {
        var scene = fields[4] == "-" ? ["0", "0", "0"] : fields[4].TrimStart('s').Split('@', '#', '%');
        return new Case(
            fields[0],
            Enum.Parse<LinkKind>(fields[1], ignoreCase: true),
            ShapeOf(fields[2], fields[5]),
            fields[3],
            int.Parse(scene[0], CultureInfo.InvariantCulture),
            long.Parse(scene[1], CultureInfo.InvariantCulture),
            int.Parse(scene[2], CultureInfo.InvariantCulture),
            scene.Length > 3 ? IPAddress.Parse(scene[3]) : null,
            fields[5]);
    }

    private static byte ShapeOf(string word, string agent)
    {
        var hints = agent.Contains("Chrome/", StringComparison.Ordinal) ? ClientHints.Agree : ClientHints.None;
        return word switch
        {
            "whole" or "image" => new RequestShape(FetchMetadata.Fits, hints, false, true).Pack(),
            "prefetch" => new RequestShape(FetchMetadata.Fits, hints, true, true).Pack(),
            "bare" => new RequestShape(FetchMetadata.NoneOverHttps, ClientHints.None, false, false).Pack(),
            "http" => new RequestShape(FetchMetadata.NoneOverHttp, ClientHints.None, false, true).Pack(),
            "old" => 0,
            _ => throw new FormatException(word),
        };
    }

    private sealed record Case(
        string Truth, LinkKind Kind, byte Shape, string Network, int Scene, long Millis, int Link, IPAddress? Address,
        string Agent);
}

using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Tests.Messages;

/// <summary>Golden cases and newsletters with changed, dropped, doubled and spliced bytes: for every one the rewriter
/// answers, and its changes are reversible. <c>./test fuzz 10m</c> runs for ten minutes. A failing message is shortened
/// and kept as a folder under <c>Crashes</c>, which is a test from then on.</summary>
public sealed class MutatedMessagesTests(ITestOutputHelper log)
{
    private const int Cases = 100_000;

    // A crash in most cases is a single fault. More folders of it would only fill the disk.
    private const int MostKept = 20;

    // The number of attempts to shorten a failing message; they take some seconds.
    private const int CutTries = 3_000;

    private static readonly byte[] _telling = "<>\"'=&;:/\\-+\r\n \t\0@?#%.()[]{}~\x1b"u8.ToArray();

    // Most messages use the default settings.
    private static readonly string[] _settings =
    [
        "{}",
        "{}",
        "{}",
        """{"linkStyle":"path"}""",
        """{"trackImages":true,"keepUrlText":"otherDomain"}""",
        """{"pixelPosition":"top","keepUrlText":"always","trackSigned":true}""",
        """{"trackClicks":"none","trackOpens":false}""",
        """{"origin":"http://track.example.com/","trackImages":true}""",
    ];

    public static TheoryData<string> Crashes => Directory.Exists(CrashFolder())
        ? [.. Directory.GetDirectories(CrashFolder()).Select(path => new DirectoryInfo(path).Name)]
        : [];

    [Fact]
    public void Mutated_messages_are_rewritten_reversibly_or_pass_through()
    {
        var seconds = int.TryParse(
            Environment.GetEnvironmentVariable("TRACKING_FUZZ_SECONDS"), CultureInfo.InvariantCulture, out var given)
            ? given
            : 0;
        log.WriteLine($"seed {Seed.Value}");
        var random = new Random(Seed.Value);
        var messages = Directory.GetFiles(GoldenCasesTests.Folder(), "in.eml", SearchOption.AllDirectories)
            .Concat(Directory.GetFiles(Path.Combine(GoldenCasesTests.Folder(), "../../Newsletters"), "*.eml"))
            .Order(StringComparer.Ordinal)
            .Select(File.ReadAllBytes)
            .Where(message => message.Length < 8192)
            .ToArray();
        var crashes = new Dictionary<string, string>(StringComparer.Ordinal);
        var clock = Stopwatch.StartNew();
        var told = 0L;
        var tried = 0L;
        while (seconds > 0 ? clock.Elapsed.TotalSeconds < seconds : tried < Cases * Seed.Factor)
        {
            var message = Mutate(messages, random);
            var settings = _settings[random.Next(_settings.Length)];
            tried++;
            if (Failure(message, settings) is { } failure && crashes.Count < MostKept)
            {
                var kept = Cut(message, settings);
                crashes.TryAdd(Keep(kept, settings), failure.Split('\n')[0]);
            }

            if (seconds > 0 && clock.ElapsedMilliseconds / 10_000 > told)
            {
                told = clock.ElapsedMilliseconds / 10_000;
                log.WriteLine($"{told * 10,6} s {tried,12} messages {crashes.Count,3} crashes");
            }
        }

        log.WriteLine($"{tried} messages, {crashes.Count} crashes");
        Assert.True(
            crashes.Count == 0,
            $"seed {Seed.Value}:\n" + string.Join('\n', crashes.Select(crash => $"{crash.Key}: {crash.Value}")));
    }

    [Fact]
    public void What_failed_once_does_not_fail_again() => Assert.All(Crashes, crash =>
    {
        var folder = Path.Combine(CrashFolder(), crash.Data);
        var message = File.ReadAllBytes(Path.Combine(folder, "in.eml"));
        Check(message, GoldenCasesTests.Request(folder, message));
    });

    [Fact]
    public void A_failing_message_is_cut_down_to_what_makes_it_fail()
    {
        var message = Encoding.ASCII.GetBytes(new string('a', 900) + "<needle>" + new string('b', 700));
        var cut = Cut(message, candidate => candidate.AsSpan().IndexOf("<needle>"u8) >= 0);
        Assert.Equal("<needle>", Encoding.ASCII.GetString(cut));
    }

    internal static void Check(byte[] message, RewriteRequest? request = null, RewriteLimits? limits = null)
    {
        request ??= TestKeys.Request;
        using var plan = RewriteMessage.Plan(message, request, limits);
        Assert.Null(plan.Failure);
        var trace = new List<WrittenSplice>();
        var output = TestKeys.Write(plan, trace);
        Assert.Equal(message, RewritingGeneratedMessagesTests.Restore(output, message, trace));

        // The removals of the first pass can uncover more. Only without removals must the second pass change nothing.
        if (plan.Splices.Span.ToArray().All(splice => splice.Kind != SpliceKind.Removal)
            && plan.Base64Parts.All(part => part.Splices.All(splice => splice.Kind != SpliceKind.Removal)))
        {
            using var again = RewriteMessage.Plan(output, request, limits);
            Assert.Null(again.Failure);
            Assert.Equal(
                plan.Parts.Select(part => (part.Number, part.Reason)),
                again.Parts.Select(part => (part.Number, part.Reason)));
            Assert.Equal(Encoding.Latin1.GetString(output), Encoding.Latin1.GetString(TestKeys.Write(again)));
        }
    }

    private static string? Failure(byte[] message, string settings)
    {
        try
        {
            Check(message, GoldenCasesTests.Request(JsonNode.Parse(settings)!.AsObject(), message));
            return null;
        }
        catch (Exception e)
        {
            return e.ToString();
        }
    }

    private static byte[] Cut(byte[] message, string settings) =>
        Cut(message, candidate => Failure(candidate, settings) is not null);

    // Halves, quarters and so on are left out while the message still fails.
    private static byte[] Cut(byte[] message, Predicate<byte[]> fails)
    {
        var tries = CutTries;
        for (var length = message.Length / 2; length > 0; length /= 2)
        {
            for (var at = 0; at + length <= message.Length && tries > 0; tries--)
            {
                byte[] candidate = [.. message.AsSpan(0, at), .. message.AsSpan(at + length)];
                if (fails(candidate))
                {
                    message = candidate;
                }
                else
                {
                    at += length;
                }
            }
        }

        return message;
    }

    private static string Keep(byte[] message, string settings)
    {
        var name = Convert.ToHexStringLower(SHA256.HashData(message))[..16];
        var folder = Directory.CreateDirectory(Path.Combine(CrashFolder(), name)).FullName;
        File.WriteAllBytes(Path.Combine(folder, "in.eml"), message);
        File.WriteAllText(Path.Combine(folder, "request.json"), settings + "\n");
        return folder;
    }

    private static string CrashFolder() => Path.GetFullPath(Path.Combine(GoldenCasesTests.Folder(), "../Crashes"));

    internal static byte[] Mutate(byte[][] messages, Random random)
    {
        var bytes = messages[random.Next(messages.Length)].ToList();
        for (var n = random.Next(1, 6); n > 0 && bytes.Count > 1; n--)
        {
            var at = random.Next(bytes.Count);
            var length = Math.Min(random.Next(1, 60), bytes.Count - at);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] = _telling[random.Next(_telling.Length)];
                    break;
                case 2:
                    bytes.RemoveRange(at, length);
                    break;
                case 3:
                    bytes.InsertRange(at, bytes.GetRange(at, length));
                    break;
                case 4:
                    var other = messages[random.Next(messages.Length)];
                    var from = random.Next(other.Length);
                    bytes.InsertRange(at, other.AsSpan(from, Math.Min(200, other.Length - from)).ToArray());
                    break;
                default:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
            }
        }

        return [.. bytes];
    }
}

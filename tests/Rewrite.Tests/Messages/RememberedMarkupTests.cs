using System.Text;
using System.Text.RegularExpressions;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Html;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Tests.Messages;

/// <summary>Remembered markup saves work and changes nothing: every plan is the same with and without it.</summary>
public sealed class RememberedMarkupTests(ITestOutputHelper log)
{
    private const int Cases = 30_000;

    private static readonly RewriteRequest[] _requests =
    [
        TestKeys.Request,
        TestKeys.Request with { TrackClicks = ClickTracking.None },
        TestKeys.Request with { TrackImages = true, PixelPosition = PixelPosition.Top },
        TestKeys.Request with { LinkStyle = LinkStyle.Path, KeepUrlText = KeepUrlText.Always },
        TestKeys.Request with { ExcludedDomains = HostSet.Of("*.example.org", "example.com"), TrackOpens = false },
    ];

    // A small memory, so that segments are forgotten and replaced while the tests run.
    private readonly MarkupMemory _memory = new(256);

    [Fact]
    public void Golden_cases_come_out_the_same_from_memory()
    {
        foreach (var file in Directory.GetFiles(GoldenCasesTests.Folder(), "in.eml", SearchOption.AllDirectories))
        {
            var message = File.ReadAllBytes(file);
            for (var time = 0; time < 3; time++)
            {
                Compare(message, GoldenCasesTests.Request(Path.GetDirectoryName(file)!, message));
            }
        }
    }

    [Fact]
    public void Generated_messages_come_out_the_same_from_memory()
    {
        log.WriteLine($"seed {Seed.Value}");
        for (var i = 0; i < Cases / 10 * Seed.Factor; i++)
        {
            var message = new GeneratedMessages(new Random(Seed.Value + i)).Next();
            for (var time = 0; time < 3; time++)
            {
                Compare(message, _requests[(i + time) % _requests.Length], $"seed {Seed.Value + i}");
            }
        }
    }

    [Fact]
    public void Mutated_messages_come_out_the_same_from_memory()
    {
        log.WriteLine($"seed {Seed.Value}");
        var random = new Random(Seed.Value);
        var messages = Directory.GetFiles(GoldenCasesTests.Folder(), "in.eml", SearchOption.AllDirectories)
            .Concat(Newsletters())
            .Order(StringComparer.Ordinal)
            .Select(File.ReadAllBytes)
            .Where(message => message.Length < 8192)
            .ToArray();
        for (var i = 0; i < Cases * Seed.Factor; i++)
        {
            var message = MutatedMessagesTests.Mutate(messages, random);
            Compare(message, _requests[i % _requests.Length], $"seed {Seed.Value}, case {i}");
        }
    }

    [Fact]
    public void Links_of_the_recipients_own_come_out_the_same_from_memory()
    {
        log.WriteLine($"seed {Seed.Value}");
        var random = new Random(Seed.Value);
        string[] ends =
        [
            "=3D", "=3D=", "=\r\n", "=22", "\"", "'", ">", "-->", "=3E", "&#32;", " ", "=20", "\t", "&amp;", "&quot",
            "\u00e4", "=C3=A4", "=E4", "+notrack", "\0", "\r\n", "=\r\n=\r\n", "a", "/", "#", "http:", "=ZZ", "=3",
        ];
        var letters = Newsletters().Select(file => Encoding.Latin1.GetString(File.ReadAllBytes(file))).ToArray();
        for (var i = 0; i < Cases / 100 * Seed.Factor; i++)
        {
            var letter = letters[random.Next(letters.Length)];
            var urls = Regex.Matches(letter, "(?<=href=(3D)?\")[^\"]+");
            foreach (var url in urls.Where(_ => random.Next(4) == 0).Reverse())
            {
                var at = url.Index + random.Next(url.Length + 1);
                letter = letter.Insert(at, ends[random.Next(ends.Length)]);
            }

            Compare(Encoding.Latin1.GetBytes(letter), _requests[i % _requests.Length], $"seed {Seed.Value}, case {i}");
        }
    }

    [Fact]
    public void Places_in_the_tree_that_reach_across_links_come_out_the_same_from_memory()
    {
        log.WriteLine($"seed {Seed.Value}");
        var random = new Random(Seed.Value);
        string[] places =
        [
            "<select><option>", "</select>", "<h1>", "<input>", "<frameset>", "<template>", "</template>", "<col>",
            "<svg><g>", "<svg><desc>", "</desc>", "</g>", "</svg>", "<math><mi>", "</mi></math>", "<p>", "</p>",
            "<![CDATA[ > ]]>", "<style>a{}</style>", "<textarea></textarea>", "<noframes></noframes>", "<div>", "</div>",
        ];
        for (var i = 0; i < Cases / 4 * Seed.Factor; i++)
        {
            var html = string.Concat(Enumerable.Range(0, random.Next(2, 9)).Select(_ => random.Next(3) > 0
                ? places[random.Next(places.Length)]
                : $"<a href=\"https://example.org/{random.Next(3)}\">x</a>"));
            var message = Encoding.ASCII.GetBytes($"Content-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n");
            for (var time = 0; time < 3; time++)
            {
                Compare(message, _requests[i % _requests.Length], $"seed {Seed.Value}, case {i}");
            }
        }
    }

    [Fact]
    public void Letters_of_a_campaign_are_read_from_memory_but_for_what_is_the_recipients_own()
    {
        var letter = File.ReadAllText(Newsletters().First(file => file.Contains("shop", StringComparison.Ordinal)));
        var memory = new MarkupMemory(new RewriteOptions().RememberedSegments);
        var recalled = new List<int>();
        for (var recipient = 0; recipient < 5; recipient++)
        {
            var name = new string('n', 3 + (7 * recipient));
            var message = Encoding.Latin1.GetBytes(letter
                .Replace("7f3a91", $"7f3a9{recipient}", StringComparison.Ordinal)
                .Replace("Hello, the first frost", $"Hello {name}, the first frost", StringComparison.Ordinal));
            Compare(message, TestKeys.Request);
            using var plan = RewriteMessage.Plan(message, TestKeys.Request, null, memory);
            recalled.Add(Enumerable.Range(0, plan.Links.Count).Count(i => plan.Report.Row(i).Texts is not null));
        }

        log.WriteLine($"recalled: {string.Join(' ', recalled)}");
        Assert.InRange(recalled[^1], 80, 105);
    }

    private static string[] Newsletters() =>
        Directory.GetFiles(Path.Combine(GoldenCasesTests.Folder(), "../../Newsletters"), "*.eml");

    private void Compare(byte[] message, RewriteRequest request, string origin = "")
    {
        var (report, output) = Rewrite(message, request, null);
        var (again, sameOutput) = Rewrite(message, request, _memory);
        if (report != again || output != sameOutput)
        {
            var file = Path.Combine(Path.GetTempPath(), $"remembered-{Seed.Value}.eml");
            File.WriteAllBytes(file, message);
            Assert.Fail($"{origin}, kept as {file}\n{report}\n{again}\n{output}\n{sameOutput}");
        }
    }

    private static (string Report, string Output) Rewrite(byte[] message, RewriteRequest request, MarkupMemory? memory)
    {
        using var plan = RewriteMessage.Plan(message, request, null, memory);
        Assert.Null(plan.Failure);
        var report = new StringBuilder($"{plan.UntouchedReason} {plan.Pixels} {string.Join(", ", plan.Parts)}\n");
        foreach (var link in plan.Links)
        {
            report.Append($"{link.Part}.{link.Position} {link.Ordinal} {link.Kind} {link.Decision}: ");
            report.AppendJoin(" | ", Text(link.Url), Text(link.Encoded), Text(link.Destination), Text(link.Name));
            report.Append('\n');
        }

        return (report.ToString(), Encoding.Latin1.GetString(TestKeys.Write(plan)));
    }

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.Latin1.GetString(bytes.Span);
}

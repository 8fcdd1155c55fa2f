using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Tests;

/// <summary>
/// <c>docs/reasons.md</c>: its head is written by hand, and its tables come from the enums and their comments.
/// <c>TRACKING_UPDATE_DOCS=1</c> writes the file instead of comparing it.
/// </summary>
public sealed partial class ReasonsDocumentTests
{
    private const string Mark = "<!-- Generated from here on: see tests/Rewrite.Tests/ReasonsDocumentTests.cs. -->\n";

    private static readonly string _path = System.IO.Path.Combine(GoldenCasesTests.Folder(), "../../../docs/reasons.md");

    [Fact]
    public void Every_word_is_in_the_document_with_what_it_means()
    {
        var written = File.ReadAllText(_path);
        var expected = written[..written.IndexOf(Mark, StringComparison.Ordinal)] + Mark
            + Table("Why a message or a part went out as it came", Untouched.TrackingOff, WireWords.Of)
            + Table("What was decided about a link", LinkDecision.Tracked, WireWords.Of)
            + Table("Why a tracking host is not used", HostIgnored.NotOfCluster, WireWords.Of)
            + Table("Why a header of the message is not obeyed", HeaderIgnored.NotJson, WireWords.Of)
            + Table("What a preview warns of", PreviewWarning.HtmlOver102400, WireWords.Of);
        if (Environment.GetEnvironmentVariable("TRACKING_UPDATE_DOCS") == "1")
        {
            File.WriteAllText(_path, expected);
            return;
        }

        Assert.Equal(expected, written);
        Assert.Contains($"`version` is {WireWords.Version}", written, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_word_is_in_lower_case_with_hyphens_and_means_one_thing()
    {
        var reasons = Enum.GetValues<Untouched>().Select(reason => WireWords.Of(reason)).ToList();
        var decisions = Enum.GetValues<LinkDecision>().Select(WireWords.Of).ToList();
        Assert.All(reasons.Concat(decisions), word => Assert.Matches(Kebab(), word));
        Assert.Equal(reasons, reasons.Distinct());
        Assert.Equal(decisions, decisions.Distinct());
        Assert.All(Enum.GetValues<HostIgnored>().Select(WireWords.Of), word => Assert.Matches(Kebab(), word));
        Assert.All(Enum.GetValues<HeaderIgnored>().Select(WireWords.Of), word => Assert.Matches(Kebab(), word));
        Assert.All(Enum.GetValues<PreviewWarning>().Select(WireWords.Of), word => Assert.Matches(Kebab(), word));
        Assert.DoesNotContain(WireWords.Tracked, reasons);
    }

    private static string Table<T>(string title, T first, Func<T, string> word)
        where T : struct, Enum
    {
        Assert.Equal(first, Enum.GetValues<T>()[0]);
        var summaries = XDocument.Load(System.IO.Path.Combine(AppContext.BaseDirectory, "Tracking.Rewrite.xml"))
            .Descendants("member")
            .Where(member => ((string)member.Attribute("name")!)
                .StartsWith($"F:{typeof(T).FullName}.", StringComparison.Ordinal))
            .ToDictionary(member => (string)member.Attribute("name")!, member => Text(member.Element("summary")!));
        var table = new StringBuilder($"\n## {title}\n\n| word | meaning |\n|---|---|\n");
        foreach (var value in Enum.GetValues<T>())
        {
            table.Append($"| `{word(value)}` | {summaries[$"F:{typeof(T).FullName}.{value}"]} |\n");
        }

        return table.ToString();
    }

    private static string Text(XElement summary) => Blank().Replace(
        string.Concat(summary.Nodes().Select(node => node switch
        {
            XElement { Name.LocalName: "see" } see => $"`{((string)see.Attribute("cref")!).Split('.', ':')[^1]}`",
            XElement code => $"`{code.Value}`",
            _ => node.ToString(),
        })),
        " ").Trim();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blank();

    [GeneratedRegex("^[a-z0-9]+(-[a-z0-9]+)*$")]
    private static partial Regex Kebab();
}

using System.Text.RegularExpressions;

namespace Tracking.Rewrite.Tests;

/// <summary><c>docs/rewriting.md</c> names the golden cases of each rule.</summary>
public sealed partial class RewritingDocumentTests
{
    [Fact]
    public void Every_row_names_cases_and_every_case_is_named()
    {
        var rows = File.ReadAllLines(Path.Combine(GoldenCasesTests.Folder(), "../../../docs/rewriting.md"))
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal)
                && !line.EndsWith("| cases |", StringComparison.Ordinal))
            .ToList();
        Assert.NotEmpty(rows);
        Assert.All(rows, row => Assert.NotEmpty(Named(row)));
        Assert.Equal(
            Directory.GetDirectories(GoldenCasesTests.Folder()).Select(Path.GetFileName).Order(StringComparer.Ordinal),
            rows.SelectMany(Named).Distinct().Order(StringComparer.Ordinal));
    }

    // The last column. A bar inside a row is written "\|".
    private static IEnumerable<string> Named(string row) =>
        Name().Matches(Bar().Split(row)[^2]).Select(match => match.Groups[1].Value);

    [GeneratedRegex(@"(?<!\\)\|")]
    private static partial Regex Bar();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Name();
}

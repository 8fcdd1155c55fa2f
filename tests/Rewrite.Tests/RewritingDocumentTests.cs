using System.Text.RegularExpressions;
using Tracking.Links;

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

    [Fact]
    public void Every_name_that_makes_a_url_a_signed_one_is_there()
    {
        var document = File.ReadAllText(Path.Combine(GoldenCasesTests.Folder(), "../../../docs/rewriting.md"));
        var list = document[document.IndexOf("A URL counts as signed", StringComparison.Ordinal)..];
        var names = list[..list.IndexOf("; or one that ends in", StringComparison.Ordinal)];
        var ends = list[names.Length..list.IndexOf("such as", StringComparison.Ordinal)];
        Assert.Equal(Words(SignedUrl.Names), Words(Name().Matches(names).Select(match => match.Groups[1].Value)));
        Assert.Equal(Words(SignedUrl.Ends), Words(Name().Matches(ends).Select(match => match.Groups[1].Value)));

        static IEnumerable<string> Words(IEnumerable<string> words) => words.Order(StringComparer.Ordinal);
    }

    // The last column. A bar inside a row is written "\|".
    private static IEnumerable<string> Named(string row) =>
        Name().Matches(Bar().Split(row)[^2]).Select(match => match.Groups[1].Value);

    [GeneratedRegex(@"(?<!\\)\|")]
    private static partial Regex Bar();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Name();
}

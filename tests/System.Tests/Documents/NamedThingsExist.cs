using System.Text.RegularExpressions;
using Tracking.Servers;

namespace Tracking.System.Tests.Documents;

/// <summary>Files and tests that the documents name exist.</summary>
public sealed partial class NamedThingsExist
{
    /// <summary>Paths of the tables <em>Where is…?</em>.</summary>
    public static TheoryData<string, string> Places =>
        new(from document in (string[])["README.md", "docs/where.md"]
            from place in Place().Matches(Read(document))
            select (document, place.Groups[1].Value));

    /// <summary>Tests that <c>docs/promises.md</c> names.</summary>
    public static TheoryData<string> PromisedTests =>
        [.. TestName().Matches(Read("docs/promises.md")).Select(m => m.Groups[1].Value).Distinct()];

    [Theory]
    [MemberData(nameof(Places))]
    public void Every_place_that_a_document_names_exists(string document, string path)
    {
        var full = Path.Combine(BuiltPrograms.Repository, path);
        Assert.True(File.Exists(full) || Directory.Exists(full), $"{document} names {path}, which does not exist.");
    }

    [Fact]
    public void The_readme_answers_ten_questions_and_the_page_behind_it_all_of_them()
    {
        var readme = Place().Matches(Read("README.md")).Select(match => match.Groups[1].Value).ToList();
        var all = Place().Matches(Read("docs/where.md")).Select(match => match.Groups[1].Value).ToHashSet();
        Assert.Equal(10, readme.Count);
        Assert.Subset(all, readme.ToHashSet());
    }

    [Theory]
    [MemberData(nameof(PromisedTests))]
    public void Every_test_that_holds_a_promise_exists(string name) =>
        Assert.Contains(
            Directory.EnumerateFiles(
                Path.Combine(BuiltPrograms.Repository, "tests"), "*.cs", SearchOption.AllDirectories),
            file => File.ReadAllText(file).Contains($" {name}(", StringComparison.Ordinal));

    private static string Read(string document) => File.ReadAllText(Path.Combine(BuiltPrograms.Repository, document));

    [GeneratedRegex(@"\? \| `([^`]+)` \|$", RegexOptions.Multiline)]
    private static partial Regex Place();

    [GeneratedRegex("`([A-Z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+)`")]
    private static partial Regex TestName();
}

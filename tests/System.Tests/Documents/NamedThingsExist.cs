using System.Text.RegularExpressions;
using Tracking.Servers;

namespace Tracking.System.Tests.Documents;

/// <summary>What the documents point at is there.</summary>
public sealed partial class NamedThingsExist
{
    /// <summary>Paths of the README's table <em>Where is…?</em>.</summary>
    public static TheoryData<string> Places => [.. Place().Matches(Read("README.md")).Select(m => m.Groups[1].Value)];

    /// <summary>Tests that <c>docs/promises.md</c> names.</summary>
    public static TheoryData<string> PromisedTests =>
        [.. TestName().Matches(Read("docs/promises.md")).Select(m => m.Groups[1].Value).Distinct()];

    [Theory]
    [MemberData(nameof(Places))]
    public void Every_place_in_the_readme_exists(string path)
    {
        var full = Path.Combine(BuiltPrograms.Repository, path);
        Assert.True(File.Exists(full) || Directory.Exists(full), $"README.md names {path}, which does not exist.");
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

using System.Text.RegularExpressions;
using Tracking.Servers;

namespace Tracking.System.Tests.Documents;

/// <summary>What neither compiler nor <c>dotnet format</c> checks: the length of lines, the names of tests.</summary>
public sealed partial class StyleOfSources
{
    private const int LongestLine = 120;

    private static readonly string[] _roots = ["src", "tests", "AppHost", "ServiceDefaults"];

    // Here a class is a scenario or a journey, and named as such.
    private static readonly string[] _scenarios = ["System.Tests", "Console.Tests"];

    [Fact]
    public void No_line_is_longer_than_120_characters_unless_a_literal_makes_it_so() =>
        Assert.Empty(
            from file in Sources()
            from line in WithoutRawText(File.ReadAllText(file)).Split('\n').Index()
            where line.Item.Length > LongestLine && Text().Replace(line.Item, "\"\"").Length > LongestLine
            select $"{Name(file)}:{line.Index + 1} has {line.Item.Length} characters");

    [Fact]
    public void Files_of_tests_end_in_Tests_except_scenarios() =>
        Assert.Empty(
            from file in Sources()
            let name = Name(file)
            where name.StartsWith("tests/", StringComparison.Ordinal)
                && !_scenarios.Contains(name.Split('/')[1], StringComparer.Ordinal)
                && Fact().IsMatch(File.ReadAllText(file))
                && !Path.GetFileName(file).Split('.')[0].EndsWith("Tests", StringComparison.Ordinal)
            select name);

    private static IEnumerable<string> Sources() =>
        from root in _roots
        from file in Directory.EnumerateFiles(
            Path.Combine(BuiltPrograms.Repository, root), "*.cs", SearchOption.AllDirectories)
        where !file.Split(Path.DirectorySeparatorChar).Any(folder => folder is "bin" or "obj")
        select file;

    private static string Name(string file) =>
        Path.GetRelativePath(BuiltPrograms.Repository, file).Replace(Path.DirectorySeparatorChar, '/');

    // Tables of results, documents and statements are as wide as they are.
    private static string WithoutRawText(string source) =>
        RawText().Replace(source, raw => new string('\n', raw.Value.Count(letter => letter == '\n')));

    [GeneratedRegex("\"{3}.*?\"{3,}", RegexOptions.Singleline)]
    private static partial Regex RawText();

    [GeneratedRegex("\"(?:\\\\.|[^\"\\\\])*\"")]
    private static partial Regex Text();

    [GeneratedRegex(@"^\s*\[(?:Fact|Theory)", RegexOptions.Multiline)]
    private static partial Regex Fact();
}

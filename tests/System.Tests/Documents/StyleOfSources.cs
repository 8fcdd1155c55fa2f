using System.Text.RegularExpressions;
using Tracking.Servers;

namespace Tracking.System.Tests.Documents;

/// <summary>Rules that neither the compiler nor <c>dotnet format</c> checks: the length of lines, the order of usings,
/// the names of types and tests.</summary>
public sealed partial class StyleOfSources
{
    private const int LongestLine = 120;

    private static readonly string[] _roots = ["src", "tests", "AppHost", "ServiceDefaults"];

    // In these projects test classes are named after scenarios.
    private static readonly string[] _scenarios = ["System.Tests", "Console.Tests"];

    // Type names that may be in several projects, each with its reason.
    private static readonly Dictionary<string, string> _sharedNames = new(StringComparer.Ordinal)
    {
        ["Program"] = "The compiler gives this name to top-level statements.",
    };

    [Fact]
    public void No_line_is_longer_than_120_characters_unless_a_literal_makes_it_so() =>
        Assert.Equal("", string.Join(
            '\n',
            from file in Sources()
            from line in WithoutRawText(File.ReadAllText(file)).Split('\n').Index()
            where line.Item.Length > LongestLine && Text().Replace(line.Item, "\"\"").Length > LongestLine
            select $"{Name(file)}:{line.Index + 1} has {line.Item.Length} characters"));

    [Fact]
    public void Usings_are_sorted_with_those_of_System_first() =>
        Assert.Equal("", string.Join(
            '\n',
            from file in Sources()
            let usings = Usings().Matches(File.ReadAllText(file)).Select(found => found.Groups["name"].Value).ToList()
            let sorted = usings.OrderBy(name => name != "System" && !name.StartsWith("System.", StringComparison.Ordinal))
                .ThenBy(name => name, StringComparer.OrdinalIgnoreCase)
            where !usings.SequenceEqual(sorted, StringComparer.Ordinal)
            select Name(file)));

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

    [Fact]
    public void No_two_projects_have_a_type_of_one_name()
    {
        var projects =
            from declared in Types()
            where !_sharedNames.ContainsKey(declared.Type)
            group declared.Project by declared.Type into places
            where places.Distinct().Count() > 1
            select $"{places.Key} is in {string.Join(" and ", places.Distinct().Order(StringComparer.Ordinal))}";

        Assert.Empty(projects);
        Assert.Contains(("src/Contracts", "VerifyDomain"), Types());
        Assert.Contains(("src/Management", "LivePage"), Types());
    }

    // Top-level types. A component of Razor is a type with the name of its file.
    private static IEnumerable<(string Project, string Type)> Types() =>
        from file in Sources("*.cs").Concat(Sources("*.razor"))
        let name = Name(file)
        where !name.StartsWith("tests/", StringComparison.Ordinal)
        let project = name.StartsWith("src/", StringComparison.Ordinal)
            ? string.Join('/', name.Split('/')[..2]) : name.Split('/')[0]
        from type in file.EndsWith(".razor", StringComparison.Ordinal)
            ? [Path.GetFileNameWithoutExtension(file)]
            : Declaration().Matches(WithoutRawText(File.ReadAllText(file))).Select(found => found.Groups["name"].Value)
        where !type.StartsWith('_')
        select (project, type);

    private static IEnumerable<string> Sources(string pattern = "*.cs") =>
        from root in _roots
        from file in Directory.EnumerateFiles(
            Path.Combine(BuiltPrograms.Repository, root), pattern, SearchOption.AllDirectories)
        where !file.Split(Path.DirectorySeparatorChar).Any(folder => folder is "bin" or "obj")
        select file;

    private static string Name(string file) =>
        Path.GetRelativePath(BuiltPrograms.Repository, file).Replace(Path.DirectorySeparatorChar, '/');

    // Removes raw strings (tables, documents, SQL), whose lines may be longer.
    private static string WithoutRawText(string source) =>
        RawText().Replace(source, raw => new string('\n', raw.Value.Count(letter => letter == '\n')));

    [GeneratedRegex(@"^using (?<name>[A-Z][\w.]*);$", RegexOptions.Multiline)]
    private static partial Regex Usings();

    [GeneratedRegex("\"{3}.*?\"{3,}", RegexOptions.Singleline)]
    private static partial Regex RawText();

    [GeneratedRegex("\"(?:\\\\.|[^\"\\\\])*\"")]
    private static partial Regex Text();

    [GeneratedRegex(
        @"^(?:(?:public|internal|static|sealed|abstract|partial|readonly|ref|unsafe) +)*" +
        @"(?:record +struct|record +class|class|record|struct|enum|interface|delegate [^(;]*)" +
        @" (?<name>(?!struct |class )\w+)\b",
        RegexOptions.Multiline)]
    private static partial Regex Declaration();

    [GeneratedRegex(@"^\s*\[(?:Fact|Theory)", RegexOptions.Multiline)]
    private static partial Regex Fact();
}

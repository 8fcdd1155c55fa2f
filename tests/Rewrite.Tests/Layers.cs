using System.Text.RegularExpressions;

namespace Tracking.Rewrite.Tests;

/// <summary>The folders of <c>src/Rewrite</c> depend on each other in one direction: what is found knows nobody, reading
/// knows what is found, decisions know both, and messages are written above them.</summary>
public sealed partial class Layers
{
    // Each may use those before it, and those of its own row only where there is one in it.
    private static readonly string[][] Rows =
    [
        ["Findings"], ["Mime"], ["Html", "Text"], ["Decisions"], ["Memory", "Registration"], ["Messages"],
        ["Queue", "Http"],
    ];

    // Of the project's root, which knows everybody.
    private static readonly string[] WithoutTheRoot = ["Findings", "Mime", "Html", "Text", "Decisions"];

    [Fact]
    public void Every_folder_uses_only_those_below_it()
    {
        var root = Path.Combine(GoldenCases.Folder(), "../../../src/Rewrite");
        var folders = Directory.GetDirectories(root)
            .Select(path => Path.GetFileName(path)!)
            .Where(name => Directory.EnumerateFiles(Path.Combine(root, name), "*.cs").Any());
        Assert.Equal(folders.Order(), Rows.SelectMany(row => row).Order());

        var rootTypes = Directory.EnumerateFiles(root, "*.cs").Select(Path.GetFileNameWithoutExtension).ToHashSet();
        var below = new HashSet<string>();
        foreach (var row in Rows)
        {
            foreach (var folder in row)
            {
                foreach (var file in Directory.EnumerateFiles(Path.Combine(root, folder), "*.cs"))
                {
                    var code = File.ReadAllText(file);
                    Assert.All(
                        Used().Matches(code).Select(match => match.Groups[1].Value),
                        used => Assert.True(used == folder || below.Contains(used), $"{file} uses {used}"));
                    Assert.All(
                        WithoutTheRoot.Contains(folder) ? Word().Matches(code).Select(match => match.Value) : [],
                        word => Assert.False(rootTypes.Contains(word), $"{file} uses {word}"));
                }
            }

            below.UnionWith(row);
        }
    }

    // By a using, or by the part of a namespace that all of them share.
    [GeneratedRegex(
        @"(?:using Tracking\.Rewrite\.|(?<![\w.])(?=\w+\.[A-Z]))(Findings|Mime|Html|Text|Decisions|Memory|Registration|Messages|Queue|Http)(?=[;.])")]
    private static partial Regex Used();

    [GeneratedRegex(@"\bRewrite[A-Z]\w+")]
    private static partial Regex Word();
}

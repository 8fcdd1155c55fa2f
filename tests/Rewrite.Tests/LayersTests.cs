using System.Text.RegularExpressions;

namespace Tracking.Rewrite.Tests;

/// <summary>The folders of <c>src/Rewrite</c> depend on each other in one direction: findings depend on no other
/// folder, readers depend on findings, decisions depend on both, and messages depend on decisions.</summary>
public sealed partial class LayersTests
{
    // A folder may use the folders of the rows before it, and no other folder of its own row.
    private static readonly string[][] _rows =
    [
        ["Findings"], ["Mime"], ["Html", "Text"], ["Decisions"], ["Memory", "Registration"], ["Messages"],
        ["Doors"], ["Queue", "Http"], ["Preview"],
    ];

    // These folders must not use the types of the project's root, which depends on every folder.
    private static readonly string[] _withoutTheRoot = ["Findings", "Mime", "Html", "Text", "Decisions"];

    [Fact]
    public void Every_folder_uses_only_those_below_it()
    {
        var root = Path.Combine(GoldenCasesTests.Folder(), "../../../src/Rewrite");
        var folders = Directory.GetDirectories(root)
            .Select(path => Path.GetFileName(path)!)
            .Where(name => Directory.EnumerateFiles(Path.Combine(root, name), "*.cs").Any());
        Assert.Equal(folders.Order(), _rows.SelectMany(row => row).Order());

        var rootTypes = Directory.EnumerateFiles(root, "*.cs").Select(Path.GetFileNameWithoutExtension).ToHashSet();
        var below = new HashSet<string>();
        foreach (var row in _rows)
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
                        _withoutTheRoot.Contains(folder) ? Word().Matches(code).Select(match => match.Value) : [],
                        word => Assert.False(rootTypes.Contains(word), $"{file} uses {word}"));
                }
            }

            below.UnionWith(row);
        }
    }

    // A use is a using, or the folder's part of a namespace.
    [GeneratedRegex(
        @"(?:using Tracking\.Rewrite\.|(?<![\w.])(?=\w+\.[A-Z]))(Findings|Mime|Html|Text|Decisions|Memory|Registration|Messages|Doors|Queue|Http|Preview)(?=[;.])")]
    private static partial Regex Used();

    [GeneratedRegex(@"\bRewrite[A-Z]\w+")]
    private static partial Regex Word();
}

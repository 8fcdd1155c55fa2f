using System.Xml.Linq;
using Tracking.Servers;

namespace Tracking.System.Tests.Documents;

/// <summary>
/// The permitted references between projects. Libraries refer to libraries below them. Services refer to libraries and
/// not to each other, with three exceptions: the gateway contains the edge, the milter and the SMTP filter contain the
/// rewriter, and Standalone contains all.
/// </summary>
public sealed class ProjectReferences
{
    // From the bottom up. A project may refer to projects of lower levels.
    private static readonly string[][] _levels =
    [
        ["Contracts", "Links", "Demo"],
        ["Database", "Domains"],
        ["ServiceDefaults", "Cli"],
        ["Bus", "SharedCache", "Api", "Dns", "Tls"],
        ["Webhooks"],
        ["Migrator", "Rewrite", "RedirectEdge", "EventIngest", "DomainVerifier", "Certificates", "Management"],
        ["Milter"],
        ["Gateway", "SmtpFilter"],
        ["Standalone", "AppHost"],
    ];

    // Services of the upper levels, and the only services to which they may refer. Standalone and AppHost may refer to
    // all.
    private static readonly Dictionary<string, string[]> _services = new()
    {
        ["Gateway"] = ["RedirectEdge"],
        ["Milter"] = ["Rewrite"],
        ["SmtpFilter"] = ["Rewrite", "Milter"],
    };

    private static readonly int _firstService = LevelOf("Rewrite");

    public static TheoryData<string> Projects => [.. Files().Select(file => Path.GetFileNameWithoutExtension(file))];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_refers_only_to_projects_below_it(string project)
    {
        var level = LevelOf(project);
        Assert.True(level >= 0, $"{project} has no level in {nameof(ProjectReferences)}.");
        foreach (var reference in ReferencesOf(project))
        {
            Assert.True(
                LevelOf(reference) >= 0 && LevelOf(reference) < level,
                $"{project} refers to {reference}, which is not below it.");
            Assert.False(
                _services.TryGetValue(project, out var carried) && LevelOf(reference) >= _firstService
                    && !carried.Contains(reference),
                $"{project} refers to the service {reference}.");
        }
    }

    [Fact]
    public void Every_project_with_a_level_is_there() =>
        Assert.Equal(_levels.SelectMany(level => level).Order(), Projects.Select(row => row.Data).Order());

    private static int LevelOf(string project) => Array.FindIndex(_levels, level => level.Contains(project));

    private static IEnumerable<string> ReferencesOf(string project) =>
        XDocument.Load(Files().Single(file => Path.GetFileNameWithoutExtension(file) == project))
            .Descendants("ProjectReference")
            .Select(reference => Path.GetFileNameWithoutExtension(
                reference.Attribute("Include")!.Value.Replace('\\', '/')));

    private static IEnumerable<string> Files() =>
        Directory.EnumerateFiles(Path.Combine(BuiltPrograms.Repository, "src"), "*.csproj", SearchOption.AllDirectories)
            .Concat([
                Path.Combine(BuiltPrograms.Repository, "ServiceDefaults", "ServiceDefaults.csproj"),
                Path.Combine(BuiltPrograms.Repository, "AppHost", "AppHost.csproj"),
            ]);
}

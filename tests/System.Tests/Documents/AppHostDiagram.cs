using System.Text.RegularExpressions;
using Tracking.Servers;

namespace Tracking.System.Tests.Documents;

/// <summary>
/// The AppHost cannot be built where Aspire's packages are not to be had, so what a compiler and a first run would find
/// is checked from its text: projects, settings and names that services read, and its place in the solution.
/// </summary>
public sealed partial class AppHostDiagram
{
    private const string AppHostProject = "AppHost";

    private static readonly string _diagram = Read("AppHost/AppHost.cs");
    private static readonly string _project = Read("AppHost/AppHost.csproj");
    private static readonly string _solution = Read("Tracking.sln");

    [Fact]
    public void Every_program_is_in_the_diagram_and_every_project_of_the_diagram_exists()
    {
        var drawn = DrawnProject().Matches(_diagram).Select(match => match.Groups[1].Value).Order().ToList();
        var programs = Directory.EnumerateFiles(
                Path.Combine(BuiltPrograms.Repository, "src"), "Program.cs", SearchOption.AllDirectories)
            .Select(file => Path.GetFileName(Path.GetDirectoryName(file)!))
            .Except(["Cli", "Standalone"])
            .Order()
            .ToList();
        Assert.Equal(programs, drawn);
        Assert.All(drawn, name =>
            Assert.Contains($"../src/{name}/{name}.csproj", _project, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_setting_in_the_diagram_is_one_that_a_service_reads()
    {
        var known = Read("docs/configuration.md");
        var set = Setting().Matches(_diagram).Select(match => Index().Replace(match.Value, "__0")).Distinct().ToList();
        Assert.NotEmpty(set);
        Assert.All(set, name => Assert.Contains($"`{name}`", known, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_resource_has_the_name_by_which_services_look_for_it()
    {
        foreach (var name in (ReadOnlySpan<string>)["tracking", "rabbitmq", "redis", "rewrite", "management",
            "certificates"])
        {
            Assert.Contains($"(\"{name}\")", _diagram, StringComparison.Ordinal);
        }

        Assert.Contains("services__edge__http__", _diagram, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_parameter_that_is_no_secret_has_a_value()
    {
        var values = Read("AppHost/appsettings.json");
        Assert.All(
            Parameter().Matches(_diagram).Where(match => match.Groups[2].Value.Length == 0),
            match => Assert.Contains($"\"{match.Groups[1].Value}\":", values, StringComparison.Ordinal));
    }

    [Fact]
    public void The_solution_builds_all_of_it_as_Aspire_and_all_but_the_diagram_otherwise()
    {
        var projects = SolutionProject().Matches(_solution)
            .Select(match => (Name: match.Groups[1].Value, Id: match.Groups[2].Value))
            .ToList();
        Assert.Contains(projects, project => project.Name == AppHostProject);
        foreach (var (name, id) in projects)
        {
            Assert.Contains($"{id}.Aspire|Any CPU.Build.0 = Debug|Any CPU", _solution, StringComparison.Ordinal);
            foreach (var configuration in (ReadOnlySpan<string>)["Debug", "Release"])
            {
                var row = $"{id}.{configuration}|Any CPU.";
                Assert.Contains($"{row}ActiveCfg", _solution, StringComparison.Ordinal);
                Assert.Equal(
                    name != AppHostProject, _solution.Contains($"{row}Build.0", StringComparison.Ordinal));
            }
        }
    }

    private static string Read(string file) => File.ReadAllText(Path.Combine(BuiltPrograms.Repository, file));

    [GeneratedRegex(@"AddProject<Projects\.(\w+)>")]
    private static partial Regex DrawnProject();

    [GeneratedRegex(@"Tracking__\w+")]
    private static partial Regex Setting();

    [GeneratedRegex(@"__\d+$")]
    private static partial Regex Index();

    [GeneratedRegex(@"AddParameter\(""([^""]+)""(, secret: true)?\)")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"= ""[^""]+"", ""(?:[^""]*\\)?([^""\\]+)\.csproj"", ""(\{[^}]+\})""")]
    private static partial Regex SolutionProject();
}

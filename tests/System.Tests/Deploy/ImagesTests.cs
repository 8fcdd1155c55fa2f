using System.Text.RegularExpressions;
using Tracking.Servers;

namespace Tracking.System.Tests.Deploy;

public sealed partial class ImagesTests
{
    public static TheoryData<string> Containerfiles =>
        [.. Directory.EnumerateFiles(Manifests.PathOf("containers"), "*.Containerfile").Select(
            file => Path.GetFileName(file))];

    [Theory]
    [MemberData(nameof(Containerfiles))]
    public void A_containerfile_copies_and_publishes_what_is_there(string file)
    {
        var text = File.ReadAllText(Manifests.PathOf("containers", file));
        var copied = CopiedFromContext().Matches(text)
            .SelectMany(match => match.Groups[1].Value.Split(' ')[..^1]).ToList();
        Assert.NotEmpty(copied);
        Assert.All(copied, path => Assert.True(Path.Exists(In(path)), $"{file} copies {path}, which is not there."));
        // The files that every project imports must be copied. Otherwise the build in the image differs.
        Assert.All(
            ["global.json", "Directory.Build.props", "Directory.Packages.props", "src", "ServiceDefaults"],
            needed => Assert.Contains(needed, copied));
        var project = PublishedProject().Match(text).Groups[1].Value;
        Assert.True(project == "${SERVICE}" || Directory.Exists(In($"src/{project}")), $"src/{project} is not there.");
        Assert.Matches("(?m)^USER \\$APP_UID$", text);
        Assert.Contains($"ARG DOTNET={TargetFramework()}", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_script_builds_every_program_of_the_repository()
    {
        var programs = Directory.EnumerateFiles(In("src"), "Program.cs", SearchOption.AllDirectories)
            .Select(file => Path.GetFileName(Path.GetDirectoryName(file))!)
            .Except(["Standalone", "Cli"]);
        Assert.Equal(programs.Order(), Manifests.Services.Values.Order());
    }

    [Fact]
    public void The_entry_points_are_the_programs_names()
    {
        Assert.Contains(
            "ENTRYPOINT [\"/app/Tracking.Standalone\"]",
            File.ReadAllText(Manifests.PathOf("containers", "Standalone.Containerfile")),
            StringComparison.Ordinal);
        Assert.Contains(
            "ln -s \"Tracking.${SERVICE}\" /app/tracking",
            File.ReadAllText(Manifests.PathOf("containers", "Service.Containerfile")),
            StringComparison.Ordinal);
        Assert.Equal("trackctl", Path.GetFileName(BuiltPrograms.Cli));
    }

    private static string In(string path) => Path.Combine(BuiltPrograms.Repository, path);

    private static string TargetFramework() =>
        Framework().Match(File.ReadAllText(In("Directory.Build.props"))).Groups[1].Value;

    [GeneratedRegex(@"^COPY ((?!--).*)$", RegexOptions.Multiline)]
    private static partial Regex CopiedFromContext();

    [GeneratedRegex(@"dotnet publish ""?src/([^"" ]+)")]
    private static partial Regex PublishedProject();

    [GeneratedRegex("<TargetFramework>net([0-9.]+)<")]
    private static partial Regex Framework();
}

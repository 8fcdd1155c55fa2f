namespace Tracking.Servers;

/// <summary>The repository's own programs, as built: same configuration and framework as the running tests.</summary>
public static class BuiltPrograms
{
    /// <summary>The repository's folder.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>The one process with everything.</summary>
    public static string Standalone => Built("Standalone", "Tracking.Standalone");

    /// <summary><c>trackctl</c>.</summary>
    public static string Cli => Built("Cli", "trackctl");

    /// <summary>A service's own program.</summary>
    /// <param name="project">Its folder under <c>src</c>.</param>
    public static string Service(string project) => Built(project, "Tracking." + project);

    private static string Built(string project, string program)
    {
        // tests/<Project>/bin/<Configuration>/<Framework>/
        var output = new DirectoryInfo(AppContext.BaseDirectory);
        var path = Path.Combine(Repository, "src", project, "bin", output.Parent!.Name, output.Name, program);
        return File.Exists(path)
            ? path
            : throw new FileNotFoundException($"{path} is missing: build src/{project} first.");
    }

    private static string FindRepository()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Tracking.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new DirectoryNotFoundException("The tests do not run inside the repository.");
    }
}

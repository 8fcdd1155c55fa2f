namespace Tracking.Servers;

/// <summary>The repository's built programs, in the configuration and framework of the running tests.</summary>
public static class BuiltPrograms
{
    /// <summary>The repository's folder.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>The program that runs all services in one process.</summary>
    public static string Standalone => Built("Standalone", "Tracking.Standalone");

    /// <summary><c>trackctl</c>.</summary>
    public static string Cli => Built("Cli", "trackctl");

    /// <summary>The program of a service.</summary>
    /// <param name="project">The project's folder under <c>src</c>.</param>
    public static string Service(string project) => Built(project, "Tracking." + project);

    /// <summary>The AppHost.</summary>
    public static string AppHost => Built("AppHost", "Tracking.AppHost", "");

    /// <summary>The working directory of <c>dotnet run</c>, which contains its settings.</summary>
    public static string AppHostFolder => Path.Combine(Repository, "AppHost");

    private static string Built(string project, string program, string parent = "src")
    {
        // tests/<Project>/bin/<Configuration>/<Framework>/
        var output = new DirectoryInfo(AppContext.BaseDirectory);
        var folder = Path.Combine(Repository, parent, project);
        var path = Path.Combine(folder, "bin", output.Parent!.Name, output.Name, program);
        return File.Exists(path) ? path : throw new FileNotFoundException($"{path} is missing: build {folder} first.");
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

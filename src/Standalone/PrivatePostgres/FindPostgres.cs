using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.Standalone.PrivatePostgres;

/// <summary>PostgreSQL's programs on this machine.</summary>
/// <param name="Folder">The folder with <c>postgres</c> and <c>initdb</c>.</param>
/// <param name="Major">The major version: only database clusters of this version can be opened.</param>
internal sealed record PostgresBinaries(string Folder, int Major)
{
    /// <summary>The server program.</summary>
    public string Postgres => Path.Combine(Folder, "postgres");

    /// <summary>The program that makes database clusters.</summary>
    public string Initdb => Path.Combine(Folder, "initdb");
}

/// <summary>Finds the programs in the configured folder, otherwise in the folders of distributions, otherwise in
/// PATH.</summary>
internal static partial class FindPostgres
{
    /// <summary>The oldest major version that the schema is tested with.</summary>
    public const int OldestMajor = 15;

    private const string Install = "Debian, Ubuntu: apt-get install postgresql";

    /// <summary>Finds the newest version, or the version that made an existing cluster.</summary>
    /// <param name="configured"><c>Tracking__PostgresBin</c>, if set: then only this folder counts.</param>
    /// <param name="cluster">The cluster's folder, which may not exist yet.</param>
    /// <exception cref="StartUpException">No version is installed, or not the version of the cluster.</exception>
    public static PostgresBinaries For(string? configured, string cluster) => For(configured, cluster, Usual());

    internal static PostgresBinaries For(string? configured, string cluster, IEnumerable<string> usual)
    {
        var found = (string.IsNullOrWhiteSpace(configured) ? usual : [configured])
            .Distinct()
            .Select(Read)
            .OfType<PostgresBinaries>()
            .OrderByDescending(binaries => binaries.Major)
            .ToList();
        if (found.Count == 0)
        {
            throw string.IsNullOrWhiteSpace(configured)
                ? new StartUpException(
                    $"PostgreSQL was not found. Install it ({Install}), or set Tracking__PostgresBin to the folder "
                        + "that holds 'postgres' and 'initdb', or ConnectionStrings__tracking to use a server of your "
                        + "own.",
                    StartUp.Unavailable)
                : new StartUpException(
                    $"Tracking__PostgresBin is '{configured}': it takes a folder that holds 'postgres' and 'initdb'.");
        }

        return MajorOf(cluster) is { } major ? SameMajor(found, major, cluster) : Newest(found);
    }

    private static PostgresBinaries Newest(List<PostgresBinaries> found) =>
        found[0].Major >= OldestMajor
            ? found[0]
            : throw new StartUpException(
                $"PostgreSQL {found[0].Major} in {found[0].Folder} is too old: "
                + $"install {OldestMajor} or newer ({Install}).",
                StartUp.Unavailable);

    private static PostgresBinaries SameMajor(List<PostgresBinaries> found, int major, string cluster) =>
        found.Find(binaries => binaries.Major == major)
        ?? throw new StartUpException(
            $"{cluster} was made by PostgreSQL {major}; found here: "
            + $"{string.Join(", ", found.Select(binaries => $"{binaries.Major} in {binaries.Folder}"))}. "
            + $"Install PostgreSQL {major} (Debian, Ubuntu: apt-get install postgresql-{major}), "
            + "or move the data with pg_upgrade.",
            StartUp.Unavailable);

    private static int? MajorOf(string cluster)
    {
        var file = Path.Combine(cluster, "PG_VERSION");
        if (!File.Exists(file))
        {
            return null;
        }

        var text = File.ReadAllText(file).Trim();
        return int.TryParse(text.Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var major)
            ? major
            : throw new StartUpException(
                $"{file} holds '{text}', which is not a version: is {cluster} a PostgreSQL cluster?", StartUp.Failed);
    }

    private static IEnumerable<string> Usual()
    {
        var debian = Below("/usr/lib/postgresql", "*").Select(version => Path.Combine(version, "bin"));
        var redHat = Below("/usr", "pgsql-*").Select(version => Path.Combine(version, "bin"));
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        return debian.Concat(redHat).Concat(path);
    }

    private static string[] Below(string folder, string pattern) =>
        Directory.Exists(folder) ? Directory.GetDirectories(folder, pattern) : [];

    private static PostgresBinaries? Read(string folder)
    {
        var postgres = Path.Combine(folder, "postgres");
        if (!File.Exists(postgres) || !File.Exists(Path.Combine(folder, "initdb")))
        {
            return null;
        }

        try
        {
            using var process = Process.Start(new ProcessStartInfo(postgres, "--version")
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var version = Version().Match(process.StandardOutput.ReadToEnd());
            process.WaitForExit();
            return version.Success
                ? new(folder, int.Parse(version.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture))
                : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    [GeneratedRegex(@"\(PostgreSQL\) ([0-9]{1,4})", RegexOptions.NonBacktracking)]
    private static partial Regex Version();
}

using System.Diagnostics;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.Standalone.PrivatePostgres;

/// <summary>
/// Starts PostgreSQL's programs on a cluster folder, at any place of the file system. If we are root, they run as the
/// folder's owner, because PostgreSQL refuses root. The folder is opened before the user changes, and passed as an open
/// descriptor: <c>/proc/self/fd/9</c> leads into the folder without the folders above it. That user may not be able to
/// enter those (a clone under /root), and their modes are not ours to change.
/// </summary>
/// <remarks><c>setsid</c>: Ctrl-C goes to the whole process group of a terminal, and the database must outlive the
/// services that write their last rows. <c>--pdeathsig=INT</c>: when this process is killed, the database shuts down by
/// itself. The kernel sends that signal when the starting THREAD ends, so the caller's thread must stay until the
/// program has ended.</remarks>
internal static class LaunchPostgres
{
    /// <summary>The started program's path of the cluster folder.</summary>
    public const string Folder = "/proc/self/fd/9";

    /// <summary>The started program's path of the password file beside the cluster folder.</summary>
    public const string PasswordFile = "/proc/self/fd/8";

    private const string AsOurselves =
        """
        exec 9<. 8<"$PASSWORD_FILE" && cd / &&
        exec setsid setpriv --no-new-privs --pdeathsig=INT -- "$@"
        """;

    // A folder that belongs to root has just been made, or is a backup that root restored.
    private const string AsTheOwner =
        """
        if [ "$(stat -c %u .)" = 0 ]; then chown -R postgres: . || exit 1; fi
        user=$(stat -c %u .) group=$(stat -c %g .) && chown "$user:$group" "$PASSWORD_FILE" &&
        exec 9<. 8<"$PASSWORD_FILE" && cd / &&
        exec setsid setpriv --reuid="$user" --regid="$group" --clear-groups --no-new-privs --pdeathsig=INT -- "$@"
        """;

    /// <summary>Starts a program. The returned process has the program's process id.</summary>
    /// <param name="cluster">The cluster folder.</param>
    /// <param name="passwordFile">The superuser's password.</param>
    /// <param name="command">The program and its arguments.</param>
    /// <exception cref="StartUpException">A necessary tool is missing.</exception>
    public static Process Start(string cluster, string passwordFile, params IEnumerable<string> command)
    {
        var start = new ProcessStartInfo("/bin/sh")
        {
            WorkingDirectory = cluster,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var script = Environment.IsPrivilegedProcess ? AsTheOwner : AsOurselves;
        foreach (var argument in (string[])["-c", script, "sh", .. command])
        {
            start.ArgumentList.Add(argument);
        }

        // PGDATA, PGPORT and the like are the operator's own. The messages are read below and must be in English.
        foreach (var name in start.Environment.Keys.Where(n => n.StartsWith("PG", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }

        start.Environment["LC_ALL"] = "C";
        start.Environment["PASSWORD_FILE"] = passwordFile;
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return process;
    }

    /// <summary>Refuses a machine that cannot start the programs, with the reason.</summary>
    public static void CheckMachine()
    {
        if (!OperatingSystem.IsLinux() || !OnPath("setsid") || !OnPath("setpriv"))
        {
            throw new StartUpException(
                "the private PostgreSQL needs Linux with util-linux (setsid, setpriv). "
                + "Set ConnectionStrings__tracking to use a server of your own.",
                StartUp.Unavailable);
        }

        if (Environment.IsPrivilegedProcess && !UserExists("postgres"))
        {
            throw new StartUpException(
                "PostgreSQL does not run as root and there is no user 'postgres' to run it as. "
                + "Create one (useradd --system postgres), or start Tracking as another user.",
                StartUp.Unavailable);
        }
    }

    private static bool OnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .Any(folder => File.Exists(Path.Combine(folder, program)));

    private static bool UserExists(string name)
    {
        using var process = Process.Start(new ProcessStartInfo("id", ["-u", name])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}

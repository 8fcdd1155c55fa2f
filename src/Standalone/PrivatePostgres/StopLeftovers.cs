using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.Standalone.PrivatePostgres;

/// <summary>
/// Ends the processes of an earlier run: a server that outlived its Tracking process, or the children of a killed
/// server. The caller holds the data folder's lock, so every PostgreSQL process in the cluster folder is a leftover.
/// </summary>
internal static partial class StopLeftovers
{
    private const int Kill = 9;
    private const int Interrupt = 2;
    private const int Quit = 3;

    // A fast shutdown writes a checkpoint. An immediate one only ends the children.
    private static readonly TimeSpan _fastShutdown = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _immediateShutdown = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// Stops all PostgreSQL processes of a cluster folder, then removes its process id file and that of its socket.
    /// PostgreSQL accepts stale files by itself, unless the number in them now belongs to another process of its user.
    /// </summary>
    /// <param name="cluster">The cluster folder, free of symbolic links.</param>
    /// <returns>The number of stopped processes.</returns>
    /// <exception cref="StartUpException">A process does not end even when it is killed.</exception>
    public static int Of(string cluster)
    {
        var found = Find(cluster);
        if (found.Count > 0
            && !Ended(cluster, Interrupt, _fastShutdown)
            && !Ended(cluster, Quit, _immediateShutdown)
            && !Ended(cluster, Kill, _immediateShutdown))
        {
            throw new StartUpException(
                $"PostgreSQL processes of an earlier run do not end: {string.Join(", ", Find(cluster))}.",
                StartUp.Failed);
        }

        File.Delete(Path.Combine(cluster, "postmaster.pid"));
        foreach (var ofTheSocket in Directory.GetFiles(cluster, ".s.PGSQL.*"))
        {
            File.Delete(ofTheSocket);
        }

        return found.Count;
    }

    /// <summary>Requests a fast shutdown of a server: sessions end, and all data is written.</summary>
    public static void AskToStop(int processId) => _ = Send(processId, Interrupt);

    /// <summary>Requests an immediate shutdown of a server. Its next start recovers from the write-ahead log.</summary>
    public static void AskToQuit(int processId) => _ = Send(processId, Quit);

    private static bool Ended(string cluster, int signal, TimeSpan patience)
    {
        // To every process and not only to the first: the children of a killed server have no parent that passes the
        // signal on.
        foreach (var process in Find(cluster))
        {
            _ = Send(process, signal);
        }

        var clock = Stopwatch.StartNew();
        while (Find(cluster).Count > 0)
        {
            if (clock.Elapsed > patience)
            {
                return false;
            }

            using var never = new ManualResetEventSlim();
            never.Wait(_pause);
        }

        return true;
    }

    /// <summary>
    /// Finds the processes by their name and by their working directory, which is the cluster folder.
    /// </summary>
    public static List<int> Find(string cluster) =>
        [.. Directory.EnumerateDirectories("/proc")
            .Select(folder => int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var id) ? id : 0)
            .Where(id => id != 0 && WorksIn(id, cluster))];

    private static bool WorksIn(int id, string cluster)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/comm").StartsWith("postgres", StringComparison.Ordinal)
                && new FileInfo($"/proc/{id}/cwd").LinkTarget == cluster;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Send(int processId, int signal);
}

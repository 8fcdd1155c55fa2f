using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.Standalone.PrivatePostgres;

/// <summary>
/// Ends what an earlier run left behind: a server that outlived us, or the children of a server that was killed. The
/// caller holds the data folder's lock, so whatever PostgreSQL works in the cluster folder is a leftover.
/// </summary>
internal static partial class StopLeftovers
{
    private const int Kill = 9;
    private const int Interrupt = 2;
    private const int Quit = 3;

    // A fast shutdown writes a checkpoint; an immediate one only ends its children.
    private static readonly TimeSpan FastShutdown = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ImmediateShutdown = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// Stops all PostgreSQL processes of a cluster folder, then removes its process id file and its socket's. PostgreSQL
    /// copes with stale ones itself, unless the number in them now belongs to some other process of its user.
    /// </summary>
    /// <param name="cluster">The cluster folder, free of symbolic links.</param>
    /// <returns>How many processes there were.</returns>
    /// <exception cref="StartUpException">One of them does not end even when killed.</exception>
    public static int Of(string cluster)
    {
        var found = Find(cluster);
        if (found.Count > 0
            && !Ended(cluster, Interrupt, FastShutdown)
            && !Ended(cluster, Quit, ImmediateShutdown)
            && !Ended(cluster, Kill, ImmediateShutdown))
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

    /// <summary>Asks a server for a fast shutdown: sessions are ended, everything is written.</summary>
    public static void AskToStop(int processId) => _ = Send(processId, Interrupt);

    /// <summary>Asks a server to end at once; its next start recovers from the write-ahead log.</summary>
    public static void AskToQuit(int processId) => _ = Send(processId, Quit);

    private static bool Ended(string cluster, int signal, TimeSpan patience)
    {
        // To every process, not to the first only: children whose server was killed have nobody to pass it on.
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
            never.Wait(Pause);
        }

        return true;
    }

    /// <summary>
    /// A process is recognised by its name and by its working directory, which is the cluster folder.
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

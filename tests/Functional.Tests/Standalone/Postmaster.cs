using System.Diagnostics;
using System.Globalization;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Standalone;

/// <summary>The process of the private database's server.</summary>
internal static class Postmaster
{
    public static string FileOf(StandaloneProcess standalone) =>
        Path.Combine(standalone.DataFolder, "postgres", "postmaster.pid");

    public static int IdOf(StandaloneProcess standalone) =>
        int.Parse(File.ReadLines(FileOf(standalone)).First(), CultureInfo.InvariantCulture);

    public static bool IsRunning(int id)
    {
        // A zombie has ended; only its exit code has not been read yet.
        try
        {
            return !File.ReadAllText($"/proc/{id}/stat").Contains(") Z ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }

    public static async Task SignalAsync(int id, string signal)
    {
        using var kill = Process.Start("kill", ["-" + signal, id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
    }
}

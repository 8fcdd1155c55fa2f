using System.Diagnostics;
using System.Globalization;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Standalone;

/// <summary>The private database's server as the operating system sees it.</summary>
internal static class Postmaster
{
    public static string FileOf(StandaloneProcess standalone) =>
        Path.Combine(standalone.DataFolder, "postgres", "postmaster.pid");

    public static int IdOf(StandaloneProcess standalone) =>
        int.Parse(File.ReadLines(FileOf(standalone)).First(), CultureInfo.InvariantCulture);

    public static bool IsRunning(int id)
    {
        // A zombie has ended; nobody may have asked for its exit code yet.
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

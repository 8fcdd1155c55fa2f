using System.Runtime.InteropServices;

namespace Tracking.Rewrite.Tests;

/// <summary>The calling thread's time on a processor: the waiting time on a busy machine does not count.</summary>
internal static class ThreadTime
{
    // CLOCK_THREAD_CPUTIME_ID of clock_gettime(2) on Linux.
    private const int ThreadClock = 3;

    public static double Seconds
    {
        get
        {
            Assert.Equal(0, ClockGetTime(ThreadClock, out var time));
            return time.Seconds + (time.Nanoseconds / 1e9);
        }
    }

    [DllImport("libc", EntryPoint = "clock_gettime")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ClockGetTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}

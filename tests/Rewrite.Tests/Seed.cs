using System.Globalization;

namespace Tracking.Rewrite.Tests;

/// <summary>The seed of a run's random cases. It is new in each run and printed. <c>TRACKING_TEST_SEED</c> repeats a
/// run.</summary>
internal static class Seed
{
    public static int Value { get; } =
        int.TryParse(
            Environment.GetEnvironmentVariable("TRACKING_TEST_SEED"), CultureInfo.InvariantCulture, out var given)
            ? given
            : Environment.TickCount & int.MaxValue;

    /// <summary>The multiple of the usual number of cases, from <c>TRACKING_TEST_FACTOR</c>.</summary>
    public static int Factor { get; } =
        int.TryParse(
            Environment.GetEnvironmentVariable("TRACKING_TEST_FACTOR"), CultureInfo.InvariantCulture, out var given)
            ? given
            : 1;
}

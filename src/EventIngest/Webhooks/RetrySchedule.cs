namespace Tracking.EventIngest.Webhooks;

/// <summary>When a delivery that failed is tried again: ten attempts over 75 hours and a half, the schedule that
/// Standard Webhooks 1.0.0 gives as its example, so that a receiver may be away over a weekend.</summary>
internal static class RetrySchedule
{
    /// <summary>Attempts in all.</summary>
    public static int Attempts => Pauses.Count + 1;

    /// <summary>The pauses after each attempt but the last.</summary>
    public static IReadOnlyList<TimeSpan> Pauses { get; } =
    [
        TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(30), TimeSpan.FromHours(2),
        TimeSpan.FromHours(5), TimeSpan.FromHours(10), TimeSpan.FromHours(14), TimeSpan.FromHours(20),
        TimeSpan.FromHours(24),
    ];

    /// <summary>Up to a tenth sooner or later, so that what failed together does not come back together.</summary>
    public const double Jitter = 0.1;

    /// <summary>The pause after an attempt.</summary>
    /// <param name="tries">Attempts so far, from 1.</param>
    /// <param name="random">0 to 1.</param>
    /// <returns><see langword="null"/> after the last.</returns>
    public static TimeSpan? PauseAfter(int tries, double random) => tries <= Pauses.Count
        ? Pauses[tries - 1] * (1 - Jitter + (2 * Jitter * random))
        : null;
}

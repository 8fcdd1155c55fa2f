namespace Tracking.EventIngest.Webhooks;

/// <summary>When a failed delivery is tried again: ten attempts over 75 and a half hours. Standard Webhooks 1.0.0 gives
/// this schedule as its example. A receiver may be away for a weekend.</summary>
internal static class RetrySchedule
{
    /// <summary>The number of all attempts.</summary>
    public static int Attempts => Pauses.Count + 1;

    /// <summary>The pauses after the attempts. The last attempt has none.</summary>
    public static IReadOnlyList<TimeSpan> Pauses { get; } =
    [
        TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(30), TimeSpan.FromHours(2),
        TimeSpan.FromHours(5), TimeSpan.FromHours(10), TimeSpan.FromHours(14), TimeSpan.FromHours(20),
        TimeSpan.FromHours(24),
    ];

    /// <summary>The jitter: a pause is up to a tenth shorter or longer, so deliveries that failed together are not
    /// repeated together.</summary>
    public const double Jitter = 0.1;

    /// <summary>The pause after an attempt.</summary>
    /// <param name="tries">The number of attempts so far, from 1.</param>
    /// <param name="random">0 to 1.</param>
    /// <returns><see langword="null"/> after the last attempt.</returns>
    public static TimeSpan? PauseAfter(int tries, double random) => tries <= Pauses.Count
        ? Pauses[tries - 1] * (1 - Jitter + (2 * Jitter * random))
        : null;
}

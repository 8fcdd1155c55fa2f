using System.Diagnostics;

namespace Tracking.Servers;

/// <summary>Waits for a condition, up to a deadline.</summary>
public static class Eventually
{
    // Most conditions hold after a few milliseconds. A long wait asks less often: each question takes time from
    // those that the condition waits for.
    private static readonly TimeSpan _firstPause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan _longestPause = TimeSpan.FromMilliseconds(160);

    /// <summary>Long enough for a loaded machine. A successful test does not wait this long.</summary>
    public static TimeSpan Deadline { get; } = TimeSpan.FromSeconds(180);

    /// <summary>Polls until the condition holds.</summary>
    /// <param name="condition">The condition.</param>
    /// <param name="what">The condition in words, for the failure.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="deadline">The longest wait; the default is <see cref="Deadline"/>.</param>
    /// <exception cref="TimeoutException">The condition did not hold in time.</exception>
    public static async Task HoldsAsync(
        Func<Task<bool>> condition, string what, CancellationToken cancellationToken, TimeSpan? deadline = null)
    {
        var limit = deadline ?? Deadline;
        var clock = Stopwatch.StartNew();
        var pause = _firstPause;
        while (!await condition())
        {
            if (clock.Elapsed > limit)
            {
                throw new TimeoutException($"After {limit.TotalSeconds:0.#} s still not: {what}");
            }

            await Task.Delay(pause, cancellationToken);
            pause = pause * 1.5 < _longestPause ? pause * 1.5 : _longestPause;
        }
    }

    /// <inheritdoc cref="HoldsAsync(Func{Task{bool}}, string, CancellationToken, TimeSpan?)"/>
    public static Task HoldsAsync(
        Func<bool> condition, string what, CancellationToken cancellationToken, TimeSpan? deadline = null) =>
        HoldsAsync(() => Task.FromResult(condition()), what, cancellationToken, deadline);
}

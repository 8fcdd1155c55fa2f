using System.Diagnostics;

namespace Tracking.Servers;

/// <summary>Waits for what must become true, up to a deadline.</summary>
public static class Eventually
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Long enough for a loaded machine; a test that succeeds does not wait for it.</summary>
    public static TimeSpan Deadline { get; } = TimeSpan.FromSeconds(60);

    /// <summary>Polls until the condition holds.</summary>
    /// <param name="condition">What must become true.</param>
    /// <param name="what">Says in the failure what did not happen.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="deadline">How long to wait; <see cref="Deadline"/> unless given.</param>
    /// <exception cref="TimeoutException">It did not become true in time.</exception>
    public static async Task HoldsAsync(
        Func<Task<bool>> condition, string what, CancellationToken cancellationToken, TimeSpan? deadline = null)
    {
        var limit = deadline ?? Deadline;
        var clock = Stopwatch.StartNew();
        while (!await condition())
        {
            if (clock.Elapsed > limit)
            {
                throw new TimeoutException($"After {limit.TotalSeconds:0.#} s still not: {what}");
            }

            await Task.Delay(Pause, cancellationToken);
        }
    }

    /// <inheritdoc cref="HoldsAsync(Func{Task{bool}}, string, CancellationToken, TimeSpan?)"/>
    public static Task HoldsAsync(
        Func<bool> condition, string what, CancellationToken cancellationToken, TimeSpan? deadline = null) =>
        HoldsAsync(() => Task.FromResult(condition()), what, cancellationToken, deadline);
}

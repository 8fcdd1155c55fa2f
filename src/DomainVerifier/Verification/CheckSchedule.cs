using System.Buffers.Binary;

namespace Tracking.DomainVerifier.Verification;

/// <summary>Computes the time of the next check. The functions use only stored facts, so a restart changes
/// nothing.</summary>
internal static class CheckSchedule
{
    // The pause between checks of a pending name is an eighth of its waiting time. So a published record is found after
    // an eighth of the waiting time at the latest, and there are about fifty checks in two days.
    private const int PollShare = 8;

    /// <summary>
    /// The next check of an active name. Each name has its own moment in the interval, by a hash of its id. So the
    /// checks of a bulk import or of a backlog are spread evenly a day later.
    /// </summary>
    /// <param name="domain">The domain's id.</param>
    /// <param name="now">When it was checked.</param>
    /// <param name="options">The settings.</param>
    /// <returns>Between <see cref="VerifierOptions.ShortestRecheck"/> and that and
    /// <see cref="VerifierOptions.RecheckInterval"/> later; exactly the interval for a check on time.</returns>
    public static DateTimeOffset Daily(Guid domain, DateTimeOffset now, VerifierOptions options)
    {
        var interval = options.RecheckInterval.Ticks;
        var moment = (long)(Mix(domain) % (ulong)interval);
        var earliest = (now + options.ShortestRecheck).UtcTicks;
        var wait = (moment - (earliest % interval) + interval) % interval;
        return new DateTimeOffset(earliest + wait, TimeSpan.Zero);
    }

    /// <summary>The next check of a pending name.</summary>
    /// <param name="since">When the name became pending, or when a check was last requested.</param>
    /// <param name="now">When it was checked.</param>
    /// <param name="options">The settings.</param>
    /// <returns><see langword="null"/> if the next check needs a request.</returns>
    public static DateTimeOffset? Poll(DateTimeOffset since, DateTimeOffset now, VerifierOptions options)
    {
        // If the clock was set back, the schedule begins anew.
        var waiting = now > since ? now - since : TimeSpan.Zero;
        if (waiting >= options.PollUntil)
        {
            return null;
        }

        var pause = waiting >= options.PollDailyAfter
            ? TimeSpan.FromDays(1)
            : TimeSpan.FromTicks(Math.Clamp(
                waiting.Ticks / PollShare,
                options.FirstPoll.Ticks,
                Math.Max(options.FirstPoll.Ticks, options.LongestPoll.Ticks)));
        return now + pause;
    }

    /// <summary>The next check after a check that proved nothing.</summary>
    /// <param name="inARow">The number of checks in a row before it that proved nothing.</param>
    /// <param name="now">When it was checked.</param>
    /// <param name="options">The settings.</param>
    public static DateTimeOffset Retry(int inARow, DateTimeOffset now, VerifierOptions options)
    {
        var pause = options.FirstRetry;
        for (var i = 0; i < inARow && pause < options.LongestRetry; i++)
        {
            pause *= 2;
        }

        return now + (pause > options.LongestRetry ? options.LongestRetry : pause);
    }

    // The hash is the last step of splitmix64 over both halves of the id, because the ids of one import differ in few
    // bits.
    private static ulong Mix(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes);
        var x = BinaryPrimitives.ReadUInt64LittleEndian(bytes) ^ BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]);
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
        x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
        return x ^ (x >> 31);
    }
}

using System.Buffers.Binary;

namespace Tracking.DomainVerifier.Verification;

/// <summary>When a tracking domain is checked next: functions of stored facts alone, so that a restart changes
/// nothing.</summary>
internal static class CheckSchedule
{
    // How fast the pauses between checks of a pending name grow: an eighth of the time it has been waiting, so that
    // whoever publishes the record waits an eighth longer than he had to, and there are some fifty checks in two days.
    private const int PollShare = 8;

    /// <summary>
    /// The next check of an active name: its own moment of the interval, which is a hash of its id. So a bulk import,
    /// or a backlog after an outage, is flat again a day later.
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
    /// <param name="since">When it became pending, or when somebody asked last.</param>
    /// <param name="now">When it was checked.</param>
    /// <param name="options">The settings.</param>
    /// <returns><see langword="null"/>: not before somebody asks.</returns>
    public static DateTimeOffset? Poll(DateTimeOffset since, DateTimeOffset now, VerifierOptions options)
    {
        // A clock that was set back: as if it had just begun.
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

    /// <summary>The next check after one that proved nothing.</summary>
    /// <param name="inARow">Checks before it that proved nothing, without another between.</param>
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

    // Both halves of the id, through the last step of splitmix64: ids of one import differ in few bits.
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

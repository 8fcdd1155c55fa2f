using Tracking.Certificates.Acme;
using Tracking.Certificates.Issuance;
using Tracking.Certificates.Renewal;
using Tracking.Links;

namespace Tracking.Certificates.Tests.Renewal;

/// <summary>A year in which the authority is away for five days: the same functions that decide when a name is renewed
/// and tried again, with one clock that jumps from name to name.</summary>
public sealed class AYearOfRenewalsTests
{
    private const int Names = 500;

    private static readonly DateTimeOffset _start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset _end = _start.AddYears(1);
    private static readonly DateTimeOffset _away = _start.AddDays(200);
    private static readonly DateTimeOffset _back = _away.AddDays(5);

    // After this time, which is longer than the longest pause between two attempts, every name has a certificate again.
    private static readonly DateTimeOffset _settled = _back.AddDays(2);

    [Fact]
    public void Certificates_of_45_days_never_come_near_their_end() => Run(TimeSpan.FromDays(45), leastLeft: 1.0 / 6);

    [Fact]
    public void Certificates_of_160_hours_live_through_five_days_only_while_the_authority_is_there()
    {
        // Certificates are renewed with 80 to 93 hours left, so none lasts through an outage of 120 hours. They expire
        // only during the outage, and return within the pause between two attempts.
        var year = Run(TimeSpan.FromHours(160), leastLeft: 0);

        Assert.All(year.Expired, expired => Assert.InRange(expired.At, _away, _back));
        Assert.All(year.Expired, expired => Assert.True(expired.Again <= _back.AddDays(1), $"{expired}"));
    }

    [Fact]
    public void Certificates_of_160_hours_live_through_three_days_without_an_authority()
    {
        var year = Run(TimeSpan.FromHours(160), leastLeft: 0, awayFor: TimeSpan.FromDays(3));

        Assert.Empty(year.Expired);
    }

    private static Year Run(TimeSpan life, double leastLeft, TimeSpan? awayFor = null)
    {
        var back = _away + (awayFor ?? _back - _away);
        var year = new Year();
        var due = new PriorityQueue<Name, DateTimeOffset>();
        for (var number = 0; number < Names; number++)
        {
            // All names begin within one minute, as after an import or on the day of the installation.
            var name = new Name(RenewalTimesTests.Name(number)) { NotAfter = _start.AddMilliseconds(100 * number) };
            due.Enqueue(name, name.NotAfter);
        }

        while (due.TryDequeue(out var name, out var now) && now < _end)
        {
            if (now >= _away && now < back)
            {
                name.Failures++;
                due.Enqueue(name, now + RetryLadder.Next(
                    name.Failures, name.NotAfter - now, new AcmeProblem(AcmeProblemType.Unreachable, "away")));
                continue;
            }

            if (name.NotBefore is { } from)
            {
                var share = (name.NotAfter - now) / (name.NotAfter - from);
                Assert.True(share >= leastLeft || (now >= _away && now < _settled), $"{name.Host} has {share} left");
                if (share < 0)
                {
                    year.Expired.Add((name.NotAfter, now));
                }

                year.Renewals.Add(now);
            }

            // Authorities date certificates an hour back.
            (name.NotBefore, name.NotAfter, name.Failures) = (now.AddHours(-1), now.AddHours(-1) + life, 0);
            due.Enqueue(name, RenewalTime.Of(name.Host, name.NotBefore.Value, name.NotAfter));
        }

        AssertFlat(year, life);
        return year;
    }

    // From the third life on, and from three lives after the authority was away, no hour has many times its share.
    private static void AssertFlat(Year year, TimeSpan life)
    {
        var window = life / 12;
        bool Counts(DateTimeOffset at) => at > _start + (life * 3) && (at < _away || at > _settled + (life * 3));
        var counted = year.Renewals.Where(Counts).Order().ToList();
        var most = 0;
        for (var (first, last) = (0, 0); last < counted.Count; last++)
        {
            while (counted[last] - counted[first] > TimeSpan.FromHours(1))
            {
                first++;
            }

            most = Math.Max(most, last - first + 1);
        }

        // All fall into a twelfth of a life at first, and lie further apart with every renewal.
        Assert.InRange(most, 1, 10 + (int)Math.Ceiling(2.5 * Names / window.TotalHours));
    }

    private sealed class Name(HostName host)
    {
        public HostName Host => host;

        public DateTimeOffset? NotBefore { get; set; }

        public required DateTimeOffset NotAfter { get; set; }

        public int Failures { get; set; }
    }

    private sealed class Year
    {
        public List<DateTimeOffset> Renewals { get; } = [];

        public List<(DateTimeOffset At, DateTimeOffset Again)> Expired { get; } = [];
    }
}

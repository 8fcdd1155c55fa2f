using Tracking.DomainVerifier.Verification;

namespace Tracking.DomainVerifier.Tests.Verification;

public sealed class CheckScheduleTests
{
    private static readonly VerifierOptions _options = new();
    private static readonly DateTimeOffset _start = new(2026, 3, 14, 9, 26, 53, TimeSpan.Zero);

    [Fact]
    public void A_pending_name_is_checked_often_then_ever_more_rarely_then_daily_then_only_on_demand()
    {
        var checks = Polls();

        Assert.InRange(checks.Count(at => at <= TimeSpan.FromHours(1)), 20, 60);
        Assert.InRange(checks.Count(at => at > TimeSpan.FromHours(1) && at <= TimeSpan.FromDays(2)), 20, 60);
        Assert.Equal(TimeSpan.FromMinutes(1), checks[1] - checks[0]);
        var pauses = checks.Zip(checks.Skip(1), (one, next) => next - one).ToList();
        Assert.Equal(pauses.Order(), pauses);
        Assert.All(
            checks.Zip(pauses).Where(pair => pair.First < TimeSpan.FromDays(2)),
            pair => Assert.True(pair.Second <= TimeSpan.FromHours(4)));
        Assert.All(
            checks.Zip(pauses).Where(pair => pair.First >= TimeSpan.FromDays(2)),
            pair => Assert.Equal(TimeSpan.FromDays(1), pair.Second));
        Assert.InRange(checks[^1], TimeSpan.FromDays(14), TimeSpan.FromDays(15));
    }

    [Fact]
    public void A_record_is_found_an_eighth_of_the_waiting_time_after_it_was_published_or_a_minute()
    {
        var checks = Polls().Where(at => at < TimeSpan.FromDays(1)).ToList();
        for (var published = TimeSpan.FromMinutes(1); published < checks[^1]; published += TimeSpan.FromMinutes(7))
        {
            var found = checks.First(at => at >= published);
            Assert.True(found - published <= TimeSpan.FromMinutes(1) + (published / 8), $"{published} {found}");
        }
    }

    [Fact]
    public void Pauses_after_checks_that_proved_nothing_double_from_five_minutes_to_four_hours() => Assert.Equal(
        [5, 10, 20, 40, 80, 160, 240, 240, 240],
        new[] { 0, 1, 2, 3, 4, 5, 6, 7, int.MaxValue }
            .Select(n => (int)(CheckSchedule.Retry(n, _start, _options) - _start).TotalMinutes));

    [Fact]
    public void A_check_on_time_is_followed_by_one_exactly_a_day_later()
    {
        var domain = Guid.CreateVersion7(_start);
        var first = CheckSchedule.Daily(domain, _start, _options);

        Assert.Equal(first.AddDays(1), CheckSchedule.Daily(domain, first, _options));
        Assert.Equal(first.AddDays(1), CheckSchedule.Daily(domain, first.AddHours(22), _options));
        Assert.Equal(first.AddDays(1), CheckSchedule.Daily(domain, first.AddHours(-0.5), _options));
        Assert.Equal(first, CheckSchedule.Daily(domain, first.AddHours(-2), _options));
    }

    [Fact]
    public void A_million_names_verified_in_one_hour_are_checked_evenly_a_day_later_with_time_outs_among_them()
    {
        // A bulk import, then a fault of one check in a hundred, for three days in which each hour is counted.
        const int Names = 1_000_000;
        var random = new Random(1);
        var hours = new int[96];
        var inOrder = new PriorityQueue<(Guid Domain, int Failures), long>(Names);
        for (var i = 0; i < Names; i++)
        {
            // As one process makes them in an hour: ids of one moment, random at their end.
            var verified = _start.AddTicks(TimeSpan.TicksPerHour * i / Names);
            var domain = Guid.CreateVersion7(verified);
            inOrder.Enqueue((domain, 0), CheckSchedule.Daily(domain, verified, _options).UtcTicks);
        }

        while (inOrder.TryDequeue(out var name, out var ticks))
        {
            var now = new DateTimeOffset(ticks, TimeSpan.Zero);
            var hour = (int)((now - _start).Ticks / TimeSpan.TicksPerHour);
            if (hour >= hours.Length)
            {
                break;
            }

            hours[hour]++;
            var isTimeOut = random.Next(100) == 0;
            var next = isTimeOut
                ? CheckSchedule.Retry(name.Failures, now, _options)
                : CheckSchedule.Daily(name.Domain, now, _options);
            inOrder.Enqueue((name.Domain, isTimeOut ? name.Failures + 1 : 0), next.UtcTicks);
        }

        Assert.All(hours[2..], count => Assert.InRange(count, Names / 24 * 0.8, Names / 24 * 1.2));
    }

    private static List<TimeSpan> Polls()
    {
        var checks = new List<TimeSpan> { TimeSpan.Zero };
        while (CheckSchedule.Poll(_start, _start + checks[^1], _options) is { } next)
        {
            checks.Add(next - _start);
        }

        return checks;
    }
}

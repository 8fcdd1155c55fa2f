using Tracking.Certificates.Acme;
using Tracking.Certificates.Issuance;

namespace Tracking.Certificates.Tests.Renewal;

public sealed class RetryLaddersTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 10)]
    [InlineData(3, 100)]
    [InlineData(4, 1440)]
    [InlineData(400, 1440)]
    public void Each_failure_waits_longer_and_a_day_at_most(int failures, int minutes) =>
        Assert.Equal(TimeSpan.FromMinutes(minutes), RetryLadder.Next(failures, left: null, problem: null));

    [Theory]
    [InlineData(4, 80, 480)]
    [InlineData(4, 10, 60)]
    [InlineData(3, 10, 60)]
    [InlineData(2, 10, 10)]
    [InlineData(4, 0.1, 1)]
    public void With_little_life_left_it_is_a_tenth_of_that(int failures, double hoursLeft, double minutes) =>
        Assert.Equal(
            TimeSpan.FromMinutes(minutes),
            RetryLadder.Next(failures, TimeSpan.FromHours(hoursLeft), problem: null));

    [Theory]
    [InlineData(0)]
    [InlineData(-5)]
    public void An_expired_certificate_hurries_nobody(int hoursLeft) => Assert.Equal(
        TimeSpan.FromDays(1), RetryLadder.Next(4, TimeSpan.FromHours(hoursLeft), problem: null));

    [Theory]
    [InlineData(300, 300)]
    [InlineData(3, 10)]
    public void What_the_authority_wants_is_the_least(int wantedMinutes, int minutes)
    {
        var problem = new AcmeProblem(AcmeProblemType.RateLimited, "later")
        {
            RetryAfter = TimeSpan.FromMinutes(wantedMinutes),
        };

        Assert.Equal(
            TimeSpan.FromMinutes(minutes), RetryLadder.Next(2, left: TimeSpan.FromHours(80), problem));
    }
}

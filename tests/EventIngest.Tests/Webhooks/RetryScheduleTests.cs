using Tracking.EventIngest.Webhooks;

namespace Tracking.EventIngest.Tests.Webhooks;

public sealed class RetryScheduleTests
{
    [Fact]
    public void There_are_ten_attempts_over_more_than_three_days()
    {
        Assert.Equal(10, RetrySchedule.Attempts);
        Assert.Equal(
            new TimeSpan(3, 3, 35, 5),
            RetrySchedule.Pauses.Aggregate(TimeSpan.Zero, (sum, pause) => sum + pause));
    }

    [Fact]
    public void A_pause_is_up_to_a_tenth_shorter_or_longer()
    {
        for (var tries = 1; tries < RetrySchedule.Attempts; tries++)
        {
            var pause = RetrySchedule.Pauses[tries - 1];
            Assert.Equal(pause * 0.9, RetrySchedule.PauseAfter(tries, 0));
            Assert.Equal(pause, RetrySchedule.PauseAfter(tries, 0.5));
            Assert.Equal(pause * 1.1, RetrySchedule.PauseAfter(tries, 1));
        }
    }

    [Fact]
    public void After_the_last_attempt_there_is_none() =>
        Assert.Null(RetrySchedule.PauseAfter(RetrySchedule.Attempts, 0.5));
}

using Tracking.Database.Entities;
using Tracking.DomainVerifier.Verification;

namespace Tracking.DomainVerifier.Tests.Verification;

public sealed class DecideEffectTests
{
    private static readonly VerifierOptions _options = new();
    private static readonly DateTimeOffset _now = new(2026, 3, 14, 9, 26, 53, TimeSpan.Zero);

    // The whole table: status, strikes, hours since the first strike, what a check showed; what follows, the status and
    // strikes from then on.
    [Theory]
    [InlineData("Pending", 0, 0, "Verified", "Activated", "Active", 0)]
    [InlineData("Pending", 0, 0, "Contradicted", "Nothing", "Pending", 0)]
    [InlineData("Pending", 0, 0, "NoEvidence", "Nothing", "Pending", 0)]
    [InlineData("Active", 0, 0, "Verified", "Nothing", "Active", 0)]
    [InlineData("Active", 0, 0, "Contradicted", "Warned", "Active", 1)]
    [InlineData("Active", 0, 0, "NoEvidence", "Nothing", "Active", 0)]
    [InlineData("Active", 1, 1, "Verified", "Recovered", "Active", 0)]
    [InlineData("Active", 1, 1, "Contradicted", "Nothing", "Active", 1)]
    [InlineData("Active", 1, 1, "NoEvidence", "Nothing", "Active", 1)]
    [InlineData("Active", 1, 24, "Verified", "Recovered", "Active", 0)]
    [InlineData("Active", 1, 24, "Contradicted", "Demoted", "Pending", 0)]
    [InlineData("Active", 1, 24, "NoEvidence", "Nothing", "Active", 1)]
    [InlineData("Active", 1, 500, "Contradicted", "Demoted", "Pending", 0)]
    public void A_check_has_this_effect(
        string status, int strikes, int hours, string outcome, string effect, string then, int strikesThen)
    {
        var decision = Decide(State(status, strikes, hours), outcome);

        Assert.Equal(
            (effect, then, strikesThen),
            (decision.Effect.ToString(), decision.Status.ToString(), decision.Strikes));
        Assert.Equal(decision.Strikes > 0, decision.StruckAt is not null);
    }

    [Fact]
    public void The_check_after_a_first_strike_is_a_day_later_and_asking_in_between_does_not_move_it()
    {
        var warned = Decide(State("Active", 0, 0), "Contradicted");
        var asked = Decide(State("Active", 1, 5), "Contradicted");

        Assert.Equal((_now, _now.AddDays(1)), (warned.StruckAt, warned.NextCheckAt));
        Assert.Equal((_now.AddHours(-5), _now.AddHours(19)), (asked.StruckAt, asked.NextCheckAt));
    }

    [Fact]
    public void Ten_nights_of_time_outs_leave_an_active_name_as_it_is()
    {
        var state = State("Active", 0, 0);
        var now = _now;
        for (var checks = 0; now < _now.AddDays(10); checks++)
        {
            var decision = DecideEffect.For(
                state with { WithoutEvidence = checks }, CheckOutcome.NoEvidence, now, _options);
            Assert.Equal((CheckEffect.Nothing, 0), (decision.Effect, decision.Strikes));
            Assert.InRange(decision.NextCheckAt!.Value - now, TimeSpan.FromMinutes(5), TimeSpan.FromHours(4));
            now = decision.NextCheckAt.Value;
        }
    }

    [Fact]
    public void A_pending_name_whose_servers_are_silent_is_not_asked_again_before_five_minutes() => Assert.Equal(
        _now.AddMinutes(5), Decide(State("Pending", 0, 0), "NoEvidence").NextCheckAt);

    [Fact]
    public void A_name_pending_for_weeks_is_polled_again_once_somebody_has_asked()
    {
        var old = State("Pending", 0, 0) with { StatusSince = _now.AddDays(-20) };

        Assert.Null(Decide(old, "Contradicted").NextCheckAt);
        Assert.Null(Decide(old, "NoEvidence").NextCheckAt);
        Assert.Equal(
            _now.AddMinutes(1), Decide(old with { CheckRequestedAt = _now }, "Contradicted").NextCheckAt);
    }

    [Fact]
    public void A_demoted_name_is_polled_as_often_as_a_new_one()
    {
        Assert.Equal(_now.AddMinutes(1), Decide(State("Active", 1, 24), "Contradicted").NextCheckAt);
        Assert.Equal(_now.AddMinutes(1), DecideEffect.TakenOver(_now, _options).NextCheckAt);
    }

    private static Decision Decide(DomainState state, string outcome) =>
        DecideEffect.For(state, Enum.Parse<CheckOutcome>(outcome), _now, _options);

    private static DomainState State(string status, int strikes, int hours) => new()
    {
        Id = Guid.CreateVersion7(_now),
        Status = Enum.Parse<DomainStatus>(status),
        StatusSince = _now,
        Strikes = (short)strikes,
        StruckAt = strikes > 0 ? _now.AddHours(-hours) : null,
    };
}

using Tracking.Certificates.Renewal;
using Tracking.Links;

namespace Tracking.Certificates.Tests.Renewal;

public sealed class RenewalTimesTests
{
    private static readonly DateTimeOffset _from = new(2026, 11, 29, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(90 * 24, 1.0 / 3)]
    [InlineData(64 * 24, 1.0 / 3)]
    [InlineData(45 * 24, 1.0 / 3)]
    [InlineData(160, 1.0 / 2)]
    public void It_is_renewed_with_that_share_of_its_life_left_or_up_to_a_twelfth_more(int hours, double share)
    {
        var until = _from.AddHours(hours);
        var shares = Enumerable.Range(0, 1000)
            .Select(number => RenewalTime.ShareLeft(_from, until, RenewalTime.Of(Name(number), _from, until)))
            .ToList();

        Assert.InRange(shares.Min(), share, share + 0.001);
        Assert.InRange(shares.Max(), share + (1.0 / 12) - 0.001, share + (1.0 / 12));
        // Evenly: half of them in the half of the time.
        Assert.InRange(shares.Count(each => each < share + (1.0 / 24)), 430, 570);
        Assert.Equal(RenewalTime.Of(Name(7), _from, until), RenewalTime.Of(Name(7), _from, until));
    }

    [Fact]
    public void An_instant_of_the_authority_is_overruled_with_a_twentieth_of_the_life_left()
    {
        var until = _from.AddDays(40);

        Assert.Equal(_from.AddDays(20), RenewalTime.Within(_from.AddDays(20), _from, until));
        Assert.Equal(_from.AddDays(38), RenewalTime.Within(_from.AddDays(39), _from, until));
        Assert.Equal(_from.AddDays(38), RenewalTime.Within(_from.AddYears(3), _from, until));
    }

    internal static HostName Name(int number) =>
        HostName.TryParse($"track.shop{number}.example.com", out var name) ? name : default;
}

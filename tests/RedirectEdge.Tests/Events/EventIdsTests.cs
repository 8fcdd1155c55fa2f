using Microsoft.Extensions.Time.Testing;
using Tracking.RedirectEdge.Events;

namespace Tracking.RedirectEdge.Tests.Events;

public sealed class EventIdsTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Ids_are_version_7_rise_strictly_and_carry_their_millisecond()
    {
        var ids = new EventIds(_time);
        var last = ids.Next(out var micros);
        Assert.Equal(7, last.Version);
        Assert.Equal(8, last.Variant & 0xc);
        Assert.Equal(_time.GetUtcNow().ToUnixTimeMilliseconds() * 1000, micros);
        for (var i = 0; i < 10_000; i++)
        {
            var next = ids.Next(out micros);
            Assert.True(string.CompareOrdinal(next.ToString(), last.ToString()) > 0);
            last = next;
            if (i % 3 == 0)
            {
                _time.Advance(TimeSpan.FromMicroseconds(1));
            }
        }

        var drift = Convert.ToInt64(last.ToString("N")[..12], 16) - (micros / 1000);
        Assert.InRange(drift, 0, 3);
    }

    [Fact]
    public void A_clock_set_back_far_takes_the_ids_with_it()
    {
        var ids = new EventIds(_time);
        ids.Next(out _);
        _time.AdjustTime(_time.GetUtcNow().AddHours(-1));
        var id = ids.Next(out _);
        Assert.Equal(_time.GetUtcNow().ToUnixTimeMilliseconds(), Convert.ToInt64(id.ToString("N")[..12], 16));
    }

    [Fact]
    public void Ids_of_many_threads_are_all_different()
    {
        var ids = new EventIds(TimeProvider.System);
        var all = new Guid[8][];
        Parallel.For(0, all.Length, i => all[i] = [.. Enumerable.Range(0, 5_000).Select(_ => ids.Next(out var _))]);
        Assert.Equal(8 * 5_000, all.SelectMany(part => part).Distinct().Count());
    }
}

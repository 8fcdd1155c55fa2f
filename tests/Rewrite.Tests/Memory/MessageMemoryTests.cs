using Microsoft.Extensions.Options;
using Tracking.Rewrite.Memory;
using Tracking.Rewrite.Queue;

namespace Tracking.Rewrite.Tests.Memory;

public sealed class MessageMemoryTests : IDisposable
{
    private const int Limit = 4 << 20;

    private static readonly Guid _key = Guid.NewGuid();
    private static readonly Guid _other = Guid.NewGuid();

    private readonly MessageMemory _memory = new(Options.Create(new RewriteOptions
    {
        MaxRequestBytesAtOnce = Limit,
        MaxKeyBytesAtOnce = Limit * 3 / 4,
        Queue = new RewriteQueueSettings { MaxBytesAtOnce = Limit },
    }));

    [Fact]
    public async Task As_many_of_the_queue_are_worked_on_as_fit_and_the_others_as_there_is_room()
    {
        var first = await EnterAsync(Limit / 2);
        var small = await EnterAsync(1);
        var large = EnterAsync(Limit / 2);
        var behind = EnterAsync(1);
        Assert.False(large.IsCompleted);
        Assert.False(behind.IsCompleted);

        first.Dispose();
        using (await large)
        using (await behind)
        {
            small.Dispose();
        }
    }

    [Theory]
    [InlineData(3L * Limit)]
    [InlineData(long.MaxValue)]
    public async Task One_of_the_queue_that_is_larger_than_the_limit_has_its_turn_alone(long bytes)
    {
        var small = await EnterAsync(1);
        var large = EnterAsync(bytes);
        var behind = EnterAsync(1);
        Assert.False(large.IsCompleted);

        small.Dispose();
        using (await large)
        {
            Assert.False(behind.IsCompleted);
        }

        (await behind).Dispose();
    }

    [Fact]
    public void A_message_that_arrives_in_odd_pieces_has_its_whole_share()
    {
        using var request = _memory.OfRequest(_key);
        var left = Limit * 3 / 4;
        for (var piece = 1; left > 0; piece = (piece * 3 % 2001) + 1)
        {
            var taken = Math.Min(piece, left);
            Assert.Equal(MemoryAnswer.Taken, request.Take(taken));
            left -= taken;
        }

        Assert.Equal(MemoryAnswer.KeyHasItsShare, request.Take(1));
    }

    [Fact]
    public void A_request_takes_what_is_free_and_gives_back_everything_once()
    {
        using var one = _memory.OfRequest(_key);
        using var two = _memory.OfRequest(_other);
        using var three = _memory.OfRequest(_other);
        Assert.Equal(MemoryAnswer.Taken, one.Take(Limit / 2));
        Assert.Equal(MemoryAnswer.Taken, two.Take(Limit / 2));
        Assert.Equal(MemoryAnswer.NoneFree, one.Take(1));
        Assert.Equal(MemoryAnswer.NoneFree, three.Take(1));

        one.Dispose();
        one.Dispose();
        Assert.Equal(MemoryAnswer.Taken, three.Take(Limit / 4));
        Assert.Equal(MemoryAnswer.KeyHasItsShare, three.Take(1));
        Assert.Equal(MemoryAnswer.Taken, one.Take(Limit / 4));
        Assert.Equal(MemoryAnswer.NoneFree, one.Take(1));
    }

    [Fact]
    public void A_key_leaves_something_to_the_others_however_many_requests_it_sends()
    {
        using var one = _memory.OfRequest(_key);
        using var two = _memory.OfRequest(_key);
        using var other = _memory.OfRequest(_other);
        Assert.Equal(MemoryAnswer.Taken, one.Take(Limit / 2));
        Assert.Equal(MemoryAnswer.KeyHasItsShare, two.Take(Limit / 2));
        Assert.Equal(MemoryAnswer.Taken, two.Take(Limit / 4));
        Assert.Equal(MemoryAnswer.Taken, other.Take(Limit / 4));
    }

    [Fact]
    public async Task Requests_and_the_queue_do_not_take_each_others_bytes()
    {
        using var request = _memory.OfRequest(_key);
        using var other = _memory.OfRequest(_other);
        using (await EnterAsync(Limit))
        {
            Assert.Equal(MemoryAnswer.Taken, request.Take(Limit / 2));
            Assert.Equal(MemoryAnswer.Taken, other.Take(Limit / 2));
        }

        (await EnterAsync(Limit)).Dispose();
    }

    public void Dispose() => _memory.Dispose();

    private Task<IDisposable> EnterAsync(long bytes) =>
        _memory.EnterAsync(bytes, TestContext.Current.CancellationToken).AsTask();
}

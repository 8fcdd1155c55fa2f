using System.IO.Compression;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using Tracking.Rewrite.Queue;

namespace Tracking.Rewrite.Tests.Queue;

public sealed class TakeTurnsTests : IDisposable
{
    private const int Limit = 4 << 20;

    private readonly TakeTurns _turns = new(Options.Create(new RewriteOptions
    {
        Queue = new RewriteQueueSettings { MaxBytesAtOnce = Limit },
    }));

    [Fact]
    public async Task As_many_are_worked_on_as_fit_and_the_others_as_there_is_room()
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

    [Fact]
    public async Task One_that_is_larger_than_the_limit_has_its_turn_alone()
    {
        var small = await EnterAsync(1);
        var large = EnterAsync(3 * Limit);
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
    public async Task A_compressed_one_counts_as_what_it_is_when_it_is_open()
    {
        using var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(new byte[Limit]);
        }

        var compressed = await EnterAsync(
            new QueuedMessage(new BasicProperties { ContentEncoding = "gzip" }, packed.ToArray()));
        var behind = EnterAsync(1);
        Assert.False(behind.IsCompleted);

        compressed.Dispose();
        (await behind).Dispose();
    }

    public void Dispose() => _turns.Dispose();

    private Task<IDisposable> EnterAsync(int bytes) =>
        EnterAsync(new QueuedMessage(new BasicProperties(), new byte[bytes]));

    private Task<IDisposable> EnterAsync(QueuedMessage message) =>
        _turns.EnterAsync(message, TestContext.Current.CancellationToken).AsTask();
}

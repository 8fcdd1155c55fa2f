using System.Buffers;
using Tracking.Links;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Tests.Messages;

/// <summary>Messages made to cost time, memory or stack. Each must get an answer, its changes must be reversible, and
/// its cost must be proportional to its size.</summary>
public sealed class HostileMessagesTests(ITestOutputHelper log)
{
    /// <summary>The message is measured at its size and an eighth of it.</summary>
    private const int Part = 8;

    public static TheoryData<string> Names => [.. HostileMail.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Hostile_message_gets_an_answer(string name)
    {
        var message = HostileMail.Make(name);
        using var plan = RewriteMessage.Plan(message, TestKeys.Request with { TrackOpens = false });
        Assert.Null(plan.Failure);
        if (HostileMail.All[name].Reason is { } reason)
        {
            Assert.Equal(reason, plan.UntouchedReason);
        }

        var trace = new List<WrittenSplice>();
        var output = TestKeys.Write(plan, trace);
        Assert.True(message.AsSpan().SequenceEqual(RewritingGeneratedMessagesTests.Restore(output, message, trace)));
    }

    [Fact]
    public void Links_beyond_the_largest_ordinal_stay_plain()
    {
        using var plan = RewriteMessage.Plan(HostileMail.Make("50,000 links"), TestKeys.Request);
        Assert.Equal(RewriteLimits.Default.MaxTrackedLinks, plan.TrackedLinks);
        Assert.Equal(50_000, plan.Links.Count);
        Assert.Equal(LinkDecision.TooManyLinks, plan.Links[^1].Decision);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Hostile_message_costs_memory_in_proportion_to_its_size(string name)
    {
        // Eight times the input. A proportional cost is up to 16 times the memory, because lists grow by doubling; a
        // quadratic cost is 64 times. Pooled arrays are allocated only when the pool is empty (the collector trims it
        // when memory is short), so up to eight bytes per byte of the message may be allocated or not.
        const long Small = 256 * 1024;
        var message = HostileMail.Make(name);
        var part = Allocated(HostileMail.Make(name, Part));
        var whole = Allocated(message);
        Assert.InRange(whole, 0, 200_000_000);
        Assert.InRange(whole, 0, (16 * Math.Max(part, Small)) + (8L * message.Length));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Hostile_message_costs_time_in_proportion_to_its_size(string name)
    {
        // Twice the input, at most 2.5 times the work: 15.6 over three doublings, where a proportional cost is 8 and a
        // quadratic one 64. The measure is this thread's time on the processor, which other programs do not change. The
        // cheapest of several runs counts, because a disturbance only adds time. Below a millisecond the clock and the
        // caches dominate.
        const double Least = 0.001;
        const double Seconds = 2;
        const int Rounds = 12;
        var whole = HostileMail.Make(name);
        var part = HostileMail.Make(name, Part);
        var (cheapestWhole, cheapestPart) = (double.MaxValue, double.MaxValue);
        var bound = 0d;
        for (var round = 0; round < Rounds; round++)
        {
            cheapestPart = Math.Min(cheapestPart, Spent(part));
            cheapestWhole = Math.Min(cheapestWhole, Spent(whole));
            bound = Math.Min(Seconds, Math.Pow(2.5, 3) * Math.Max(cheapestPart, Least));

            // Three rounds compile the hot code. After that a proportional cost passes at once.
            if (round >= 2 && cheapestWhole <= bound)
            {
                break;
            }
        }

        log.WriteLine($"{whole.Length} bytes {cheapestWhole:F4} s, {part.Length} bytes {cheapestPart:F4} s");
        Assert.InRange(cheapestWhole, 0, bound);
    }

    private static double Spent(byte[] message)
    {
        var before = ThreadTime.Seconds;
        Rewrite(message);
        return ThreadTime.Seconds - before;
    }

    private static long Allocated(byte[] message)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        Rewrite(message);
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static void Rewrite(byte[] message)
    {
        using var plan = RewriteMessage.Plan(message, TestKeys.Request);
        Assert.Null(plan.Failure);
        plan.Write(
            Discard.Output, Discard.Ids.AsSpan(0, plan.TrackedLinks), TestKeys.Cluster, TestKeys.Message, TestKeys.Key);
    }

    private sealed class Discard : IBufferWriter<byte>
    {
        public static readonly Discard Output = new();

        public static readonly LinkId[] Ids = new LinkId[RewriteLimits.Default.MaxTrackedLinks];

        // Measured per thread, because tests run in parallel.
        [ThreadStatic]
        private static byte[]? _bytes;

        public void Advance(int count)
        {
        }

        public Memory<byte> GetMemory(int sizeHint = 0) => _bytes ??= new byte[65536];

        public Span<byte> GetSpan(int sizeHint = 0) => _bytes ??= new byte[65536];
    }
}

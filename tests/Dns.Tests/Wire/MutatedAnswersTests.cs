using System.Diagnostics;
using System.Globalization;
using Tracking.Dns.Wire;

namespace Tracking.Dns.Tests.Wire;

/// <summary>_answers with octets changed, dropped, doubled and spliced: whatever comes of it, reading ends, with a
/// message or without. <c>TRACKING_FUZZ_SECONDS</c> has it go on for so long, as <c>./test fuzz</c> does;
/// <c>TRACKING_TEST_SEED</c> repeats a run.</summary>
public sealed class MutatedAnswersTests(ITestOutputHelper log)
{
    private const int Cases = 10_000;

    // What one answer may cost in memory: several times what the costliest of some million mutated ones cost. A clock
    // would say something else on each machine.
    private const int MostMemory = 65_536;

    private static readonly byte[][] _answers =
    [
        new Message().Question("track.shop.example").Alias("track.shop.example", "v-1.t.example").Opt().Bytes,
        new Message().Question("a.example").Address("a.example", "192.0.2.1").Address("a.example", "2001:db8::1").Bytes,
        new Message().Question("a.example").Soa("example", 3600, 60).Opt(0, Message.Error(22, "no way")).Bytes,
        new Message().Question("a.b.example").Ns("b.example", "ns1.b.example").Ns("b.example", "ns2.b.example")
            .Glue("ns1.b.example", "192.0.2.53").Bytes,
        new Message().Question("www.shop.example")
            .Increment(6).Raw(0xC0, 12).U16(5).U16(1).U16(0).U16(300).U16(6).Raw(3).Raw("v-1"u8.ToArray()).Raw(0xC0, 16)
            .Increment(6).Raw(0xC0, 0x2E).U16(1).U16(1).U16(0).U16(60).U16(4).Raw(192, 0, 2, 1).Bytes,
    ];

    // Octets that mean something: pointers, label types, lengths, types.
    private static readonly byte[] _telling = [0, 1, 2, 5, 12, 16, 39, 40, 41, 63, 64, 0x80, 0xC0, 0xC1, 0xFF];

    [Fact]
    public void Mutated_answers_are_read_or_refused()
    {
        var seed = Number("TRACKING_TEST_SEED") ?? (Environment.TickCount & int.MaxValue);
        var seconds = Number("TRACKING_FUZZ_SECONDS") ?? 0;
        log.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var clock = Stopwatch.StartNew();
        var (tried, most) = (0L, 0L);
        while (seconds > 0 ? clock.Elapsed.TotalSeconds < seconds : tried < Cases)
        {
            var answer = Mutate(random);
            tried++;
            try
            {
                ReadMessageTests.AssertNoPoison($"seed {seed}", answer, step: Math.Max(1, answer.Length));
                var before = GC.GetAllocatedBytesForCurrentThread();
                var read = ReadMessage.Read(answer);
                most = Math.Max(most, GC.GetAllocatedBytesForCurrentThread() - before);
                Assert.InRange(most, 0, MostMemory);
                if (read is { } message)
                {
                    Assert.All(message.Answers.Concat(message.Authority).Concat(message.Additional), Check);
                }
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException(
                    $"seed {seed}, after {tried}: {Convert.ToHexString(answer)}", exception);
            }
        }

        log.WriteLine($"{tried} answers, at most {most} octets of memory for one");
    }

    // What was read can be shown, and asked for.
    private static void Check(DnsRecord record)
    {
        Assert.True(DnsName.TryParse(record.Owner.Text, out var again));
        Assert.Equal(record.Owner, again);
        Assert.DoesNotContain(record.ToString(), character => character is < ' ' or > '~');
        if (record is NameRecord { Target: var target })
        {
            var wire = new byte[DnsName.MaxWireLength];
            Assert.InRange(target.WriteTo(wire), 1, DnsName.MaxWireLength);
        }
    }

    private static byte[] Mutate(Random random)
    {
        var answer = _answers[random.Next(_answers.Length)].ToList();
        for (var change = random.Next(1, 6); change > 0; change--)
        {
            var at = random.Next(answer.Count);
            switch (random.Next(6))
            {
                case 0:
                    answer[at] = (byte)random.Next(256);
                    break;
                case 1:
                    answer[at] = _telling[random.Next(_telling.Length)];
                    break;
                case 2 when answer.Count > 1:
                    answer.RemoveRange(at, Math.Min(random.Next(1, 8), answer.Count - at - (at == 0 ? 1 : 0)));
                    break;
                case 3:
                    answer.InsertRange(at, answer.GetRange(at, Math.Min(random.Next(1, 30), answer.Count - at)));
                    break;
                case 4:
                    answer[at] = 0xC0;
                    answer.Insert(at + 1, (byte)random.Next(answer.Count));
                    break;
                default:
                    var other = _answers[random.Next(_answers.Length)];
                    answer.AddRange(other[random.Next(other.Length)..]);
                    break;
            }
        }

        return [.. answer];
    }

    private static int? Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var given)
            ? given
            : null;
}

using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Tracking.Dns.Wire;
using Tracking.Domains;

namespace Tracking.Dns.Tests.Verification;

/// <summary>Whole checks of names whose zone's servers answer with octets changed, dropped and added, over UDP and TCP,
/// and now and then not at all: whatever they send, the check ends with a diagnosis, within its number of questions.
/// <c>TRACKING_FUZZ_SECONDS</c> has it go on for so long, as <c>./test fuzz</c> does; <c>TRACKING_TEST_SEED</c> chooses
/// what is changed.</summary>
public sealed class MutatedConversationsTests(ITestOutputHelper log)
{
    private const int Answers = 10_000;
    private const int AtOnce = 4;
    private const int MostQueries = 60;

    // Octets that mean something: pointers, label types, lengths, types.
    private static readonly byte[] _telling = [0, 1, 2, 5, 6, 12, 16, 28, 39, 41, 63, 64, 0x80, 0xC0, 0xFF];

    [Fact]
    public async Task Checks_of_names_whose_servers_send_anything_end_with_a_diagnosis()
    {
        var seed = Number("TRACKING_TEST_SEED") ?? (Environment.TickCount & int.MaxValue);
        var seconds = Number("TRACKING_FUZZ_SECONDS") ?? 0;
        log.WriteLine($"seed {seed}");
        var clock = Stopwatch.StartNew();
        var answers = 0L;
        var checks = 0L;
        await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(worker => Task.Run(async () =>
        {
            await using var hostile = new HostileInternet(new Random(seed + worker));
            while (seconds > 0 ? clock.Elapsed.TotalSeconds < seconds : Interlocked.Read(ref answers) < Answers)
            {
                var sent = await hostile.CheckAsync($"seed {seed}");
                Interlocked.Add(ref answers, sent);
                Interlocked.Increment(ref checks);
            }
        })));
        log.WriteLine($"{answers} answers in {checks} checks");
    }

    private static int? Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var given)
            ? given
            : null;

    private sealed class HostileInternet : IAsyncDisposable
    {
        private const string Right = "CNAME v-7k2.t.operator.example";
        private static readonly string[] _hosts =
            ["track.shop.example", "none.shop.example", "address.shop.example", "a.wild.shop.example"];

        private readonly SmallInternet _internet = new();
        private readonly ConcurrentQueue<byte[]> _sent = new();
        private readonly Random _random;

        public HostileInternet(Random random)
        {
            _random = random;
            _internet.Zone("shop.example", "127.0.0.4", "127.0.0.5")
                .Add("track.shop.example", Right)
                .Add("address.shop.example", "A 192.0.2.9")
                .Add("*.wild.shop.example", Right);
            foreach (var address in new[] { "127.0.0.4", "127.0.0.5" })
            {
                var server = _internet.Server(address);
                server.Says = query => Says(server.Answer(query));
                server.SaysOverTcp = query => Says(server.Answer(query)).FirstOrDefault() ?? [];
            }

            // A wrong answer is waited behind, as a forged one would be: not for long here.
            _internet.Options.QueryTimeout = TimeSpan.FromMilliseconds(40);
            _internet.Options.SendAgainAfter = TimeSpan.FromMilliseconds(15);
        }

        public async Task<int> CheckAsync(string seed)
        {
            _sent.Clear();
            string host;
            lock (_random)
            {
                host = _hosts[_random.Next(_hosts.Length)];
            }

            try
            {
                var diagnosis = await _internet.CheckAsync(host);
                Assert.InRange(diagnosis.Queries, 1, MostQueries);
                Assert.True(Enum.IsDefined(diagnosis.Outcome));
                var json = diagnosis.ToJson();
                Assert.Equal(json, DomainDiagnosis.FromJson(json).ToJson());
                Assert.All(diagnosis.Findings, finding => Assert.DoesNotContain(
                    finding.Text + finding.Seen + finding.NextStep, char.IsControl));
                return _sent.Count;
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException(
                    $"{seed}, {host}: {string.Join(' ', _sent.Select(Convert.ToHexString))}", exception);
            }
        }

        public ValueTask DisposeAsync() => _internet.DisposeAsync();

        private List<byte[]> Says(byte[] right)
        {
            var datagrams = new List<byte[]>();
            lock (_random)
            {
                for (var count = _random.Next(8) == 0 ? _random.Next(4) : 1; count > 0; count--)
                {
                    datagrams.Add(_random.Next(6) == 0 ? right : Mutate(right));
                }
            }

            datagrams.ForEach(_sent.Enqueue);
            return datagrams;
        }

        // Mostly behind the question, so that it is taken for an answer.
        private byte[] Mutate(byte[] right)
        {
            var answer = right.ToList();
            for (var change = _random.Next(1, 5); change > 0; change--)
            {
                var isAnywhere = _random.Next(5) == 0 || answer.Count <= WriteQuery.HeaderLength;
                var at = _random.Next(isAnywhere ? 0 : WriteQuery.HeaderLength, answer.Count);
                switch (_random.Next(6))
                {
                    case 0:
                        answer[at] = (byte)_random.Next(256);
                        break;
                    case 1:
                        answer[at] = _telling[_random.Next(_telling.Length)];
                        break;
                    case 2 when answer.Count > at + 1:
                        answer.RemoveRange(at, Math.Min(_random.Next(1, 8), answer.Count - at - 1));
                        break;
                    case 3:
                        answer.InsertRange(at, answer.GetRange(at, Math.Min(_random.Next(1, 30), answer.Count - at)));
                        break;
                    case 4:
                        // Counts, flags and the code.
                        answer[Math.Min(_random.Next(2, WriteQuery.HeaderLength), answer.Count - 1)] =
                            _telling[_random.Next(_telling.Length)];
                        break;
                    default:
                        answer[at] = 0xC0;
                        answer.Insert(at + 1, (byte)_random.Next(answer.Count));
                        break;
                }
            }

            return [.. answer];
        }
    }
}

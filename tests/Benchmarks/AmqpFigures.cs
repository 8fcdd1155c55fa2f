using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Tracking.Benchmarks;

/// <summary>One round of one consumer.</summary>
/// <param name="Rate">Messages a second.</param>
/// <param name="P99">Milliseconds from publish to output.</param>
/// <param name="Processor">The consumer's processor time per message, in microseconds.</param>
internal sealed record AmqpRun(double Rate, double P99, double Processor);

/// <summary>The results of <see cref="RewriteOverAmqp"/> for one size of message.</summary>
internal sealed class AmqpFigures(int bytes)
{
    private const int Forwarders = 4;

    private static readonly string[] _names =
    [
        "bare forwarder, JSON", "bare forwarder, raw", "tuned forwarder, JSON", "tuned forwarder, raw", "one rewriter",
        "two rewriters",
    ];

    private readonly List<AmqpRun[]> _rounds = [];

    public long IdleMemory { get; init; }

    public long LoadedMemory { get; set; }

    /// <summary>Adds one round of each consumer, in the order of <see cref="_names"/>.</summary>
    public void Add(AmqpRun[] runs) => _rounds.Add(runs);

    public static async Task WriteAsync(IReadOnlyList<AmqpFigures> results)
    {
        var text = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $"""
            # Rewriting over AMQP against forwarding

            Written by `dotnet run -c Release --project tests/Benchmarks -- rewrite-over-amqp`.

            From the queue `rewrite` to `rewritten` through the rewriter, a process of its own: links and messages are
            registered in PostgreSQL, fsync included, before the output leaves, and the output is confirmed before the
            input is acknowledged. Each letter is its recipient's own. Against a bare MassTransit consumer, also a
            process of its own, that sends the same bytes from one quorum queue to another, once in MassTransit's
            default JSON form and once raw. Bare: with the prefetch and concurrency that MassTransit takes by itself.
            Tuned: with the rewriter's own, {ForwardMail.Prefetch} and {ForwardMail.Concurrency}. All have the same queues
            and garbage collector; {RewriteOverAmqp.Outstanding} messages outstanding; publisher, broker, PostgreSQL and
            consumers share {Environment.ProcessorCount} cores. {RewriteOverAmqp.Rounds} rounds of each in turn, medians;
            a ratio is the median of the rounds' own. Wanted of one rewriter: 1.0 of a bare forwarder's JSON, 0.8 of its
            raw form.

            | message | consumer | messages/s | p99, ms | its CPU, µs a message | of bare JSON | of bare raw | of tuned JSON | of tuned raw |
            |---|---|---|---|---|---|---|---|---|

            """));
        foreach (var figures in results)
        {
            for (var i = 0; i < _names.Length; i++)
            {
                text.Append(CultureInfo.InvariantCulture, $"| {figures.Bytes:N0} bytes | {_names[i]} | ")
                    .Append(CultureInfo.InvariantCulture, $"{figures.Median(runs => runs[i].Rate):F0} | ")
                    .Append(CultureInfo.InvariantCulture, $"{figures.Median(runs => runs[i].P99):F0} | ")
                    .Append(CultureInfo.InvariantCulture, $"{figures.Median(runs => runs[i].Processor):F0} | ")
                    .AppendJoin(" | ", Enumerable.Range(0, Forwarders)
                        .Select(to => figures.Ratio(i, to).ToString("F2", CultureInfo.InvariantCulture)))
                    .Append(" |\n");
            }
        }

        text.Append('\n');
        foreach (var figures in results)
        {
            text.Append(CultureInfo.InvariantCulture, $"{figures.Bytes:N0} bytes: two rewriters do ")
                .Append(CultureInfo.InvariantCulture, $"{figures.Ratio(Forwarders + 1, Forwarders):F2} of one on the same cores; resident ")
                .Append(CultureInfo.InvariantCulture, $"memory of one {figures.IdleMemory / 1e6:F0} MB idle, ")
                .Append(CultureInfo.InvariantCulture, $"{figures.LoadedMemory / 1e6:F0} MB after the load.\n");
        }

        Console.Write(text);
        await File.WriteAllTextAsync(ResultsFile(), text.ToString());
    }

    private int Bytes => bytes;

    private double Ratio(int of, int to) => Median(runs => runs[of].Rate / runs[to].Rate);

    private double Median(Func<AmqpRun[], double> figure) =>
        _rounds.Select(figure).Order().ElementAt(_rounds.Count / 2);

    private static string ResultsFile([CallerFilePath] string thisFile = "") =>
        Path.Combine(Path.GetDirectoryName(thisFile)!, "Results", "rewrite-over-amqp.md");
}

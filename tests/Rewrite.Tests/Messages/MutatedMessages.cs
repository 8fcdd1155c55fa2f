using System.Text;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Tests.Messages;

/// <summary>Golden cases and newsletters with bytes changed, dropped, doubled and spliced: whatever comes of it, the
/// rewriter answers, and what it did can be undone.</summary>
public sealed class MutatedMessages(ITestOutputHelper log)
{
    private const int Cases = 100_000;

    private static readonly byte[] Telling = "<>\"'=&;:/\\-+\r\n \t\0@?#%.()[]"u8.ToArray();

    [Fact]
    public void Mutated_messages_are_rewritten_reversibly_or_pass_through()
    {
        log.WriteLine($"seed {Seed.Value}");
        var random = new Random(Seed.Value);
        var messages = Directory.GetFiles(GoldenCases.Folder(), "in.eml", SearchOption.AllDirectories)
            .Concat(Directory.GetFiles(Path.Combine(GoldenCases.Folder(), "../../Newsletters"), "*.eml"))
            .Order(StringComparer.Ordinal)
            .Select(File.ReadAllBytes)
            .Where(message => message.Length < 8192)
            .ToArray();
        for (var i = 0; i < Cases * Seed.Factor; i++)
        {
            var message = Mutate(messages, random);
            try
            {
                Check(message);
            }
            catch (Exception e)
            {
                var file = Path.Combine(Path.GetTempPath(), $"mutated-{Seed.Value}-{i}.eml");
                File.WriteAllBytes(file, message);
                throw new InvalidOperationException($"seed {Seed.Value}, case {i}, kept as {file}: {e.Message}", e);
            }
        }
    }

    internal static void Check(byte[] message, RewriteRequest? request = null, RewriteLimits? limits = null)
    {
        request ??= TestKeys.Request;
        using var plan = RewriteMessage.Plan(message, request, limits);
        Assert.Null(plan.Failure);
        var trace = new List<WrittenSplice>();
        var output = TestKeys.Write(plan, trace);
        Assert.Equal(message, RewritingGeneratedMessages.Restore(output, message, trace));

        // What the first pass strips can uncover more: only without removals must the second pass change nothing.
        if (plan.Splices.Span.ToArray().All(splice => splice.Kind != SpliceKind.Removal)
            && plan.Base64Parts.All(part => part.Splices.All(splice => splice.Kind != SpliceKind.Removal)))
        {
            using var again = RewriteMessage.Plan(output, request, limits);
            Assert.Null(again.Failure);
            Assert.Equal(Encoding.Latin1.GetString(output), Encoding.Latin1.GetString(TestKeys.Write(again)));
        }
    }

    private static byte[] Mutate(byte[][] messages, Random random)
    {
        var bytes = messages[random.Next(messages.Length)].ToList();
        for (var n = random.Next(1, 6); n > 0 && bytes.Count > 1; n--)
        {
            var at = random.Next(bytes.Count);
            var length = Math.Min(random.Next(1, 60), bytes.Count - at);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] = Telling[random.Next(Telling.Length)];
                    break;
                case 2:
                    bytes.RemoveRange(at, length);
                    break;
                case 3:
                    bytes.InsertRange(at, bytes.GetRange(at, length));
                    break;
                case 4:
                    var other = messages[random.Next(messages.Length)];
                    var from = random.Next(other.Length);
                    bytes.InsertRange(at, other.AsSpan(from, Math.Min(200, other.Length - from)).ToArray());
                    break;
                default:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
            }
        }

        return [.. bytes];
    }
}

using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using AngleSharp.Html;
using AngleSharp.Html.Parser;
using AngleSharp.Text;
using Microsoft.Extensions.Options;
using Tracking.Links;
using Tracking.Rewrite;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Html;
using Tracking.Rewrite.Messages;
using Tracking.Rewrite.Registration;

namespace Tracking.Benchmarks;

/// <summary>
/// Measures the rewriting of a message against AngleSharp's struct tokenizer, which reads only the decoded HTML part of
/// the same message. Both alternate on one core in the same process, with the newsletter of <c>tests/Newsletters</c>,
/// unchanged and with 80 links. Registration is replaced by a stub: known destinations are looked up as in the service,
/// and new ones are hashed.
/// </summary>
internal static class RewriteMessages
{
    private const int Rounds = 15;
    private const int AttachmentRounds = 7;
    private const double SecondsPerRound = 0.12;

    private static readonly ClusterId _cluster = new(42);
    private static readonly SigningKey _key = new(1, "0123456789abcdef"u8);

    private static readonly RewriteRequest _request = new()
    {
        Origin = new TrackingOrigin(true, Host("click.example.com")),
        TrackClicks = ClickTracking.Both,
        TrackOpens = true,
        TrackingHosts = HostSet.Of("click.example.com", "click.example.net"),
        Keys = new SigningKeys(_key, [_key]),
    };

    /// <param name="onlyRows">Whether to print only the table's rows, for the run without dynamic profiles.</param>
    public static void Run(bool onlyRows)
    {
        PinToOneCore();
        var cases = Cases();
        var output = new OneBuffer(1 << 20);
        for (var round = -5; round < Rounds; round++) // the first warm up
        {
            foreach (var item in cases)
            {
                item.Baseline.Add(Time(() => ReadWithAngleSharp(item.Text)), round >= 0);
                item.Rewriter.Add(Time(() => Rewrite(item, output)), round >= 0);
            }
        }

        foreach (var item in cases)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 200; i++)
            {
                Rewrite(item, output);
            }

            item.Allocated = (GC.GetAllocatedBytesForCurrentThread() - before) / 200;
        }

        if (onlyRows)
        {
            Console.Write(Rows(cases));
        }
        else
        {
            Report(cases, Attachments(), RunWithoutProfiles());
        }
    }

    // The parts that differ in a campaign's letters: the name, and the id in the links to unsubscribe and to change
    // preferences. Or an id in every link, so that all links are new in each letter.
    private static Case[] Cases()
    {
        var shipped = new Newsletter()
            .With("Hello, the first frost", "Hello Anna-7f3a91, the first frost")
            .With("Hello,\r\n", "Hello Anna-7f3a91,\r\n");
        var eighty = shipped.WithLinks(80, _request);
        var known = new KnownDestinations(Options.Create(new RewriteOptions()));
        Learn(known, shipped);
        var none = new KnownDestinations(Options.Create(new RewriteOptions()));
        const string Recipient = "7f3a91";
        const string InEveryLink = "utm_campaign=autumn-2026";
        return
        [
            new("quoted-printable, destinations known", 12, eighty.QuotedPrintable(), eighty, known, Memory(), Recipient),
            new("quoted-printable, all destinations new", 8, eighty.QuotedPrintable(), eighty, none, Memory(), Recipient, InEveryLink),
            new("quoted-printable, first of its campaign", 0, eighty.QuotedPrintable(), eighty, none, null, Recipient),
            new("base64, destinations known", 12, eighty.Base64(), eighty, known, Memory(), Recipient),
            new("8bit, destinations known", 12, eighty.EightBit(), eighty, known, Memory(), Recipient),
            new("as shipped (quoted-printable), known", 0, shipped.Message, shipped, known, Memory(), Recipient),
        ];
    }

    private static MarkupMemory Memory() => new(new RewriteOptions().RememberedSegments);

    /// <summary>Rewrites one message repeatedly, for a profiler.</summary>
    /// <param name="name">The beginning of the case's name.</param>
    /// <param name="seconds">The duration in seconds.</param>
    public static void Profile(string name, double seconds)
    {
        var item = Cases().First(item => item.Name.StartsWith(name, StringComparison.Ordinal));
        var output = new OneBuffer(1 << 20);
        var times = new Samples();
        for (var round = 0; round < seconds / SecondsPerRound; round++)
        {
            times.Add(Time(() => Rewrite(item, output)), counts: round > seconds / SecondsPerRound / 2);
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{item.Name}: {times.Median * 1e6:F1} µs, least {times.Least * 1e6:F1}"));
    }

    private static void Rewrite(Case item, OneBuffer output)
    {
        output.Clear();
        item.Letters.Next();
        using var plan = RewriteMessage.Plan(item.Message, _request, null, item.Memory);
        item.Links = plan.TrackedLinks;
        var ids = ArrayPool<LinkId>.Shared.Rent(plan.TrackedLinks);
        var unknown = ArrayPool<ReadOnlyMemory<byte>>.Shared.Rent(plan.TrackedLinks);
        var links = plan.Links;
        var (count, unknowns) = (0, 0);
        for (var i = 0; i < links.Count; i++)
        {
            var link = links[i];
            if (link.IsTracked)
            {
                var destination = link.Destination;
                if (!item.Known.TryGet(_cluster, destination.Span, out ids[count]))
                {
                    ids[count] = new LinkId((ulong)unknowns);
                    unknown[unknowns++] = destination;
                }

                count++;
            }
        }

        if (unknowns > 0)
        {
            var hashes = ArrayPool<byte>.Shared.Rent(unknowns * SHA256.HashSizeInBytes);
            UrlHash.Compute(unknown.AsSpan(0, unknowns), hashes);
            for (var i = 0; i < count; i++)
            {
                if (ids[i].Value < (ulong)unknowns)
                {
                    ids[i] = LinkId.FromUrlHash(hashes.AsSpan((int)ids[i].Value * 32, 32), 0);
                }
            }

            ArrayPool<byte>.Shared.Return(hashes);
        }

        ArrayPool<ReadOnlyMemory<byte>>.Shared.Return(unknown);

        var message = MessageKey.FromIdHash(MessageKey.HashId("20261013.0631.7f3a91@mail.example.org"), 0);
        plan.Write(output, ids.AsSpan(0, count), _cluster, message, _key);
        ArrayPool<LinkId>.Shared.Return(ids);
    }

    private static int ReadWithAngleSharp(string html)
    {
        using var source = new TextSource(html);
        var tokenizer = new AngleSharp.Html.Parser.HtmlTokenizer(source, HtmlEntityProvider.Resolver);
        var tags = 0;
        while (true)
        {
            ref var token = ref tokenizer.GetStructToken();
            if (token.Type == HtmlTokenType.EndOfFile)
            {
                return tags;
            }

            if (token.Type == HtmlTokenType.StartTag)
            {
                tags++;
                tokenizer.State = token.Name.ToString() switch
                {
                    "script" => HtmlParseMode.Script,
                    "title" or "textarea" => HtmlParseMode.RCData,
                    "style" or "xmp" or "iframe" or "noembed" or "noframes" => HtmlParseMode.Rawtext,
                    "plaintext" => HtmlParseMode.Plaintext,
                    _ => HtmlParseMode.PCData,
                };
            }
        }
    }

    private static AttachmentResult Attachments()
    {
        var newsletter = new Newsletter();
        var known = new KnownDestinations(Options.Create(new RewriteOptions()));
        Learn(known, newsletter);
        var message = newsletter.WithAttachments(25_000_000);
        var item = new Case("attachments", 0, message, newsletter, known, Memory(), "7f3a91");
        var plain = new Case("without", 0, newsletter.Message, newsletter, known, Memory(), "7f3a91");
        var output = new OneBuffer(message.Length + (1 << 20));
        var (seconds, copying, newsletterAlone) = (new Samples(), new Samples(), new Samples());
        var target = new byte[message.Length];
        var before = GC.GetAllocatedBytesForCurrentThread();
        Rewrite(item, output);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before + message.Length + (1 << 20);
        for (var round = -2; round < AttachmentRounds; round++)
        {
            seconds.Add(Time(() => Rewrite(item, output)), round >= 0);
            newsletterAlone.Add(Time(() => Rewrite(plain, output)), round >= 0);
            copying.Add(Time(() => message.CopyTo(target, 0)), round >= 0);
        }

        return new AttachmentResult(
            message.Length,
            (message.Length - newsletter.Message.Length) / (seconds.Median - newsletterAlone.Median) / 1e9,
            message.Length / copying.Median / 1e9,
            (double)allocated / message.Length);
    }

    // Processor time, so that other programs on the machine do not count.
    private static double Time(Action work)
    {
        var count = 0;
        var started = Environment.CpuUsage.TotalTime;
        double seconds;
        do
        {
            for (var i = 0; i < 16; i++)
            {
                work();
            }

            count += 16;
            seconds = (Environment.CpuUsage.TotalTime - started).TotalSeconds;
        }
        while (seconds < SecondsPerRound);
        return seconds / count;
    }

    private static void Learn(KnownDestinations known, Newsletter newsletter)
    {
        using var plan = RewriteMessage.Plan(newsletter.Message, _request);
        foreach (var link in plan.Links.Where(link => link.IsTracked))
        {
            var url = link.Destination.ToArray();
            known.Add(_cluster, url, LinkId.FromUrlHash(SHA256.HashData(url), 0));
        }
    }

    private static void PinToOneCore()
    {
        if (OperatingSystem.IsLinux() || OperatingSystem.IsWindows())
        {
            using var self = Process.GetCurrentProcess();
            self.ProcessorAffinity = 1;
        }
    }

    private static HostName Host(string name) =>
        HostName.TryParse(name, out var host) ? host : throw new ArgumentException(name);

    // Both sides run without the runtime's dynamic profiles, from which the tokenizer gains most.
    private static string RunWithoutProfiles()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["rewrite-messages", "rows"])
        {
            RedirectStandardOutput = true,
            Environment = { ["DOTNET_TieredPGO"] = "0" },
        };
        using var child = Process.Start(start)!;
        var rows = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        return rows;
    }

    private static string Rows(Case[] cases) => string.Join("\n", cases.Select(item => string.Create(
            CultureInfo.InvariantCulture,
            $"| {item.Name} | {item.Message.Length / 1024.0:F0} kB, {item.Links} links | {item.Baseline.Median * 1e6:F0} µs "
            + $"| {item.Rewriter.Median * 1e6:F0} µs | **{item.Baseline.Median / item.Rewriter.Median:F1}** "
            + $"| {(item.Wanted > 0 ? item.Wanted : "–")} | {1 / item.Rewriter.Median:F0} | {item.Allocated} |")));

    private static void Report(Case[] cases, AttachmentResult attachments, string withoutProfiles)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"""
            # Rewriting against AngleSharp's tokenizer

            Written by `dotnet run -c Release --project tests/Benchmarks -- rewrite-messages`.

            One core of a {Environment.ProcessorCount}-core machine; {Rounds} rounds of {SecondsPerRound * 1000:F0} ms each in turn,
            medians. The baseline is AngleSharp's struct tokenizer over nothing but the decoded HTML part of the same message, one character a byte,
            its states driven for script, style and the like: it neither reads the MIME nor the text part nor writes
            anything. The rewriter's time is the whole message: reading, deciding, looking destinations up (or hashing them when
            they are new), signing a token for each link, writing. Registration is stubbed.

            | message | size | baseline | rewriter | ratio | wanted | messages/s | bytes allocated |
            |---|---|---|---|---|---|---|---|
            {Rows(cases)}

            The same with dynamic profile-guided optimisation off (`DOTNET_TieredPGO=0`) for both sides:
            the tokenizer gains more by it than the rewriter does.

            | message | size | baseline | rewriter | ratio | wanted | messages/s | bytes allocated |
            |---|---|---|---|---|---|---|---|
            {withoutProfiles}

            A message of {attachments.Bytes / 1e6:F0} MB with two attachments in base64: **{attachments.GigabytesPerSecond:F2} GB/s** through the attachments (wanted: 1;
            copying the message from memory to memory: {attachments.CopyGigabytesPerSecond:F2} GB/s), memory grows by {attachments.Growth:F2} times the message,
            the output included (wanted: below 1.2).

            """);
        Console.WriteLine(text);
        var folder = Path.Combine(Path.GetDirectoryName(SourceFile())!, "Results");
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "rewrite-messages.md"), text);
    }

    private static string SourceFile([CallerFilePath] string path = "") => path;

    private sealed record AttachmentResult(
        int Bytes, double GigabytesPerSecond, double CopyGigabytesPerSecond, double Growth);

    private sealed class Case(
        string name,
        int wanted,
        byte[] message,
        Newsletter newsletter,
        KnownDestinations known,
        MarkupMemory? memory,
        params string[] marks)
    {
        public string Name { get; } = name;

        public int Wanted { get; } = wanted;

        public Campaign Letters { get; } = new(message, marks);

        public byte[] Message => Letters.Message;

        public MarkupMemory? Memory { get; } = memory;

        public string Text { get; } = Encoding.Latin1.GetString(newsletter.Html);

        public KnownDestinations Known { get; } = known;

        public Samples Baseline { get; } = new();

        public Samples Rewriter { get; } = new();

        public int Links { get; set; }

        public long Allocated { get; set; }
    }

    private sealed class Samples
    {
        private readonly List<double> _seconds = [];

        public double Median => _seconds.Order().ElementAt(_seconds.Count / 2);

        public double Least => _seconds.Min();

        public void Add(double seconds, bool counts)
        {
            if (counts)
            {
                _seconds.Add(seconds);
            }
        }
    }

    // One buffer for all messages, because the memory of the output is not measured.
    private sealed class OneBuffer(int size) : IBufferWriter<byte>
    {
        private readonly byte[] _bytes = new byte[size];
        private int _length;

        public void Clear() => _length = 0;

        public void Advance(int count) => _length += count;

        public Memory<byte> GetMemory(int sizeHint = 0) => _bytes.AsMemory(_length);

        public Span<byte> GetSpan(int sizeHint = 0) => _bytes.AsSpan(_length);
    }
}

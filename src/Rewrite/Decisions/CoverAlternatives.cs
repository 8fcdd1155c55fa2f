using System.Runtime.InteropServices;
using System.Text;
using Tracking.Links;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Decisions;

/// <summary>
/// A mark says that a link is not to be tracked, or that the link unsubscribes. A mark in one part of a
/// <c>multipart/alternative</c> holds for the same URL in the other parts: they are the same letter, and plain text has
/// no attributes. In its own part a mark holds only for its own link, because there each link could have a mark.
/// </summary>
internal static class CoverAlternatives
{
    /// <summary>Leaves each link plain whose URL has a mark in another part.</summary>
    /// <param name="report">Has every link of the message, decided.</param>
    /// <param name="parts">The parts that the report's numbers count.</param>
    /// <returns>Whether a link was left plain.</returns>
    public static bool Run(LinkReport report, List<MimePart> parts)
    {
        var marks = report.Marks;
        if (marks.Count == 0 || report.Tracked == 0)
        {
            return false;
        }

        // Nearly every letter has one mark, in its HTML part. No link of that part is compared, and the traits exclude
        // most links of the other part.
        var (traits, part) = (0UL, Marked.NoPart);
        foreach (ref readonly var mark in marks.Span)
        {
            var number = report.Row(mark.Row).Part;
            if (parts[number - 1].Alternative > 0)
            {
                traits |= ComparableUrl.Trait(mark.Url.In(report.Buffer.Span));
                part = part == Marked.NoPart || part == number ? number : Marked.SeveralParts;
            }
        }

        using var form = new ByteBuffer();
        Dictionary<(int Alternative, string Url), Marked>? marked = null;
        var covered = false;
        for (var i = 0; traits != 0 && i < report.Count; i++)
        {
            ref readonly var row = ref report.Row(i);
            if (row.Part == part || !row.IsTracked || row.Kind != LinkKind.Click || !MayBeMarked(report, row, traits)
                || parts[row.Part - 1].Alternative == 0)
            {
                continue;
            }

            marked ??= Collect(report, parts, form);
            if (Find(report, row, parts[row.Part - 1].Alternative, marked, form) is { } all && all.Part != row.Part)
            {
                report.Untrack(i, all.IsOptOut ? LinkDecision.OptOut : LinkDecision.Unsubscribe);
                covered = true;
            }
        }

        return covered;
    }

    private static bool MayBeMarked(LinkReport report, in LinkRow row, ulong traits) =>
        (ComparableUrl.Trait(report.Destination(row)) & traits) != 0
        || !Ascii.IsValid(report.Text(row, row.Url).Span);

    private static Dictionary<(int Alternative, string Url), Marked> Collect(
        LinkReport report, List<MimePart> parts, ByteBuffer form)
    {
        var marked = new Dictionary<(int Alternative, string Url), Marked>();
        foreach (ref readonly var mark in report.Marks.Span)
        {
            var part = report.Row(mark.Row).Part;
            var alternative = parts[part - 1].Alternative;
            if (alternative > 0 && Key(mark.Url.In(report.Buffer.Span), form) is { } key)
            {
                ref var all = ref CollectionsMarshal.GetValueRefOrAddDefault(
                    marked, (alternative, key), out var isKnown);
                all = new Marked(
                    isKnown && all.Part != part ? Marked.SeveralParts : part, mark.IsOptOut || all.IsOptOut);
            }
        }

        return marked;
    }

    private static Marked? Find(
        LinkReport report,
        in LinkRow row,
        int alternative,
        Dictionary<(int Alternative, string Url), Marked> marked,
        ByteBuffer form)
    {
        if (Key(report.Destination(row), form) is { } key && marked.TryGetValue((alternative, key), out var all))
        {
            return all;
        }

        // The destination has the query's letters in this part's charset. The mark may have them in another part's
        // charset.
        var url = report.Text(row, row.Url).Span;
        return !Ascii.IsValid(url) && Key(url, form) is { } other && marked.TryGetValue((alternative, other), out all)
            ? all
            : null;
    }

    private static string? Key(ReadOnlySpan<byte> url, ByteBuffer form)
    {
        if (DestinationPolicy.Read(url, null, out var destination) != DestinationOutcome.Accepted)
        {
            return null;
        }

        form.Truncate();
        ComparableUrl.Write(destination, form);
        return Encoding.ASCII.GetString(form.Span);
    }

    /// <param name="Part">The number of the part that has the marks.</param>
    /// <param name="IsOptOut">Whether one of the marks says not to track.</param>
    private readonly record struct Marked(int Part, bool IsOptOut)
    {
        public const int SeveralParts = 0;

        public const int NoPart = -1;
    }
}

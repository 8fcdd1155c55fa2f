using System.Buffers;
using Tracking.Rewrite.Decisions;

namespace Tracking.Rewrite.Messages;

/// <summary>
/// Keeps lines within SMTP's limit, in parts that are sent as lines. Where a link would make its line too long, white
/// space inside its tag becomes a line break. Without such white space the link stays plain. The pixel gets a line
/// break before it, or behind it if the following text is long. A line that was too long before may keep its length.
/// The text behind a link is counted as if all of its links were wrapped: only then does a second rewriting decide the
/// same.
/// </summary>
internal static class FitLines
{
    /// <summary>Processes a body's changes in ascending order.</summary>
    /// <param name="body">The body.</param>
    /// <param name="edits">The changes; the method sets their line breaks.</param>
    /// <param name="limit">The most octets of a line.</param>
    /// <param name="report">The report that is told which links stay plain.</param>
    public static void Run(ReadOnlySpan<byte> body, Span<Splice> edits, int limit, LinkReport report)
    {
        var lines = ArrayPool<Line>.Shared.Rent(edits.Length);
        Measure(body, edits, limit, lines);
        var previousEnd = 0;
        var column = 0;
        for (var i = 0; i < edits.Length; i++)
        {
            ref var edit = ref edits[i];
            var newLine = body[previousEnd..edit.Start].LastIndexOf((byte)'\n');
            column = newLine >= 0
                ? edit.Start - previousEnd - newLine - 1
                : column + edit.Start - previousEnd;

            var fits = (long)column + edit.Length + lines[i].Rest <= lines[i].Allowed;
            if (fits || edit.Kind == SpliceKind.Removal)
            {
                column += edit.Length;
            }
            else if (edit.Kind == SpliceKind.Pixel)
            {
                edit.BreaksBehind = (long)edit.Length + lines[i].Rest > lines[i].Allowed;
                edit.BreaksLine = !edit.BreaksBehind || (long)column + edit.Length > lines[i].Allowed;
                column = edit.BreaksBehind ? 0 : edit.Length;
            }
            else if (edit.BreakAt >= 0)
            {
                edit.BreaksLine = true;
                column = edit.Start - edit.BreakAt - 1 + edit.Length;
                edit.Start = edit.BreakAt;
            }
            else if (edit.Length > edit.End - edit.Start)
            {
                report.Untrack(edit.Index, LinkDecision.LineTooLong);
                column += edit.End - edit.Start;
            }
            else
            {
                column += edit.Length;
            }

            previousEnd = edit.End;
        }

        ArrayPool<Line>.Shared.Return(lines);
    }

    // Measures, from the last change to the first, the length from a change to the end of its line or to the next
    // possible break. A change that would not fit behind its own break gets no break.
    private static void Measure(ReadOnlySpan<byte> body, Span<Splice> edits, int limit, Line[] lines)
    {
        var allowed = limit;
        for (var i = edits.Length - 1; i >= 0; i--)
        {
            ref var edit = ref edits[i];
            int rest;
            if (i == edits.Length - 1 || body[edit.End..edits[i + 1].Start].Contains((byte)'\n'))
            {
                var lineEnd = LineEnd(body, edit.End);
                rest = lineEnd - edit.End;
                allowed = Math.Max(limit, lineEnd - body[..edit.Start].LastIndexOf((byte)'\n') - 1);
            }
            else
            {
                ref readonly var next = ref edits[i + 1];
                rest = next.Kind == SpliceKind.Pixel ? next.Start - edit.End
                    : next.BreakAt >= 0 ? next.BreakAt - edit.End
                    : next.Start - edit.End + next.Length + lines[i + 1].Rest;
            }

            if (body[edit.Start..edit.End].Contains((byte)'\n'))
            {
                allowed = limit;
            }

            var behindBreak = (long)edit.Start - edit.BreakAt - 1 + edit.Length + rest;
            if (behindBreak > allowed || (i > 0 && edit.BreakAt < edits[i - 1].End))
            {
                edit.BreakAt = -1;
            }

            lines[i] = new Line(rest, allowed);
        }
    }

    private static int LineEnd(ReadOnlySpan<byte> body, int from)
    {
        var length = body[from..].IndexOf((byte)'\n');
        return length < 0 ? body.Length : length > 0
            && body[from + length - 1] == '\r' ? from + length - 1 : from + length;
    }

    private readonly record struct Line(int Rest, int Allowed);
}

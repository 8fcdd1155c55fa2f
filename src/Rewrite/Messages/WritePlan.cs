using System.Buffers;
using Tracking.Links;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Messages;

/// <summary>The place of a splice in the output and in the message.</summary>
/// <param name="OutputStart">The start in the output.</param>
/// <param name="OutputEnd">The end in the output.</param>
/// <param name="Start">The start in the message.</param>
/// <param name="End">The end in the message.</param>
internal readonly record struct WrittenSplice(long OutputStart, long OutputEnd, int Start, int End);

/// <summary>Writes a planned message: the unchanged bytes between the splices, and each splice's replacement.</summary>
internal ref struct WritePlan
{
    // No more of a line of quoted-printable is examined than a line may have.
    private const int Window = QuotedPrintable.MaxLineLength + 4;

    private readonly RewritePlan _plan;
    private readonly ReadOnlySpan<LinkId> _linkIds;
    private readonly ClusterId _cluster;
    private readonly MessageKey _message;
    private readonly SigningKey? _key;
    private readonly ByteBuffer _text;
    private readonly ByteBuffer _encoded;
    private byte[][]? _sums;

    private WritePlan(
        RewritePlan plan,
        ReadOnlySpan<LinkId> linkIds,
        ClusterId cluster,
        MessageKey message,
        SigningKey? key,
        ByteBuffer text,
        ByteBuffer encoded)
    {
        _plan = plan;
        _linkIds = linkIds;
        _cluster = cluster;
        _message = message;
        _key = key;
        _text = text;
        _encoded = encoded;
    }

    public static void Write(
        RewritePlan plan,
        IBufferWriter<byte> output,
        ReadOnlySpan<LinkId> linkIds,
        ClusterId cluster,
        MessageKey message,
        SigningKey? key,
        List<WrittenSplice>? trace)
    {
        using var text = new ByteBuffer();
        using var encoded = new ByteBuffer();
        var writer = new WritePlan(plan, linkIds, cluster, message, key, text, encoded);
        writer.MeasureContents();
        writer.WriteRange(plan.Message, 0, plan.Splices.Span, output, trace);
    }

    // Runs from the last field to the first: the message's field describes a body that contains the fields of its
    // parts.
    private void MeasureContents()
    {
        var sums = _plan.ContentSums;
        if (sums.Count == 0)
        {
            return;
        }

        var splices = _plan.Splices.Span;
        var bodyStart = -1;
        Span<byte[]?> values = new byte[]?[3];
        using var body = new ByteBuffer();
        for (var i = splices.Length - 1; i >= 0; i--)
        {
            if (splices[i].Kind != SpliceKind.Sum)
            {
                continue;
            }

            var sum = sums[splices[i].Index];
            if (sum.BodyStart != bodyStart)
            {
                bodyStart = sum.BodyStart;
                values.Clear();
                body.Truncate();
                var first = RewritePlan.FirstSplice(splices, bodyStart);
                var end = first;
                while (end < splices.Length && splices[end].Start <= sum.BodyEnd)
                {
                    end++;
                }

                WriteRange(_plan.Message[..sum.BodyEnd], bodyStart, splices[first..end], body, null);
            }

            // A message may repeat a field thousands of times. The value is computed once.
            ref var value = ref values[(int)sum.Kind];
            value ??= MeasureContent.Value(
                sum,
                _plan.Message[sum.ValueStart..sum.ValueEnd],
                _plan.Message[bodyStart..sum.BodyEnd],
                body.Span);
            (_sums ??= new byte[sums.Count][])[splices[i].Index] = value;
        }
    }

    private readonly void WriteRange(
        ReadOnlySpan<byte> source,
        int from,
        ReadOnlySpan<Splice> splices,
        IBufferWriter<byte> output,
        List<WrittenSplice>? trace)
    {
        long written = 0;
        var position = from;
        var column = 0;
        for (var i = 0; i < splices.Length; i++)
        {
            ref readonly var splice = ref splices[i];
            output.Write(source[position..splice.Start]);
            written += splice.Start - position;
            var outputStart = written;
            var end = splice.End;
            if (splice.Kind == SpliceKind.Base64)
            {
                WriteBase64(splice, source, output, ref written);
            }
            else if (splice.Kind == SpliceKind.Sum)
            {
                output.Write(_sums![splice.Index]);
                written += _sums[splice.Index].Length;
            }
            else
            {
                _text.Truncate();
                Render(splice, source);
                var text = _text;
                if (splice.IsQuotedPrintable)
                {
                    var next = i + 1 < splices.Length ? splices[i + 1].Start : source.Length;
                    column = QuotedPrintable.Write(
                        _text.Span,
                        Column(source, position, column, splice.Start),
                        source[end..next],
                        Following(source, end, next),
                        splice.UsesLf ? "\n"u8 : "\r\n"u8,
                        Cleared(_encoded),
                        out var taken);
                    text = _encoded;
                    end += taken;
                }

                output.Write(text.Span);
                written += text.Length;
            }

            position = end;
            trace?.Add(new WrittenSplice(outputStart, written, splice.Start, end));
        }

        output.Write(source[position..]);
    }

    private readonly void Render(in Splice splice, ReadOnlySpan<byte> source)
    {
        if (splice.BreaksLine)
        {
            _text.Append(splice.UsesLf ? "\n"u8 : "\r\n"u8);
            if (splice.Kind == SpliceKind.Link)
            {
                _text.Append(source[(splice.Start + 1)..splice.ValueStart]);
            }
        }

        var start = _text.Length;
        if (splice.Kind == SpliceKind.Link)
        {
            RenderLink(splice);
        }
        else if (splice.Kind == SpliceKind.Pixel)
        {
            _text.Append(OpenPixel.Before);
            _text.Append(_plan.Request.Origin!.Ascii);
            _text.Append("/o/"u8);
            WriteToken(default, 0, LinkKind.Open);
            _text.Append(OpenPixel.After);
            _text.Append(OpenPixel.Style);
            if (splice.BreaksBehind)
            {
                _text.Append(splice.UsesLf ? "\n"u8 : "\r\n"u8);
                AppendBlankBefore(source[splice.End..]);
            }
        }
        else if (IsAttributeAtLineStart(splice, source))
        {
            AppendBlankBefore(source[splice.End..]);
        }

        if (splice.Charset > 0)
        {
            var ascii = _text.Span[start..].ToArray();
            _text.Truncate(start);
            _plan.Charsets[splice.Charset - 1].AppendAscii(ascii, _text);
        }
    }

    // One blank more is invisible between attributes, and behind a line break at the body's start.
    private readonly void AppendBlankBefore(ReadOnlySpan<byte> line)
    {
        if (LineStart.IsAtRisk(line))
        {
            _text.Append((byte)' ');
        }
    }

    // A removed header field is a whole line, so the text behind it already begins a line.
    private static bool IsAttributeAtLineStart(in Splice splice, ReadOnlySpan<byte> source) =>
        splice.Kind == SpliceKind.Removal
        && splice.Start > 0
        && source[splice.Start - 1] == '\n'
        && splice.End > splice.Start
        && source[splice.End - 1] != '\n';

    private readonly void RenderLink(in Splice splice)
    {
        ref readonly var link = ref _plan.Report.Row(splice.Index);
        _text.Append(_plan.Request.Origin!.Ascii);
        if (link.Kind == LinkKind.Image)
        {
            _text.Append("/i/"u8);
        }
        else
        {
            TrackedUrl.AppendPath(_plan.Request, _plan.Limits, _plan.Report.Destination(link), splice.IsHtml, _text);
        }

        WriteToken(_linkIds[link.Ordinal], link.Ordinal, link.Kind);
    }

    private readonly void WriteToken(LinkId link, int ordinal, LinkKind kind)
    {
        var token = new LinkToken(_cluster, _message, link, ordinal, kind, (int)_plan.Request.Level);
        token.Write(_key!, _text.GetSpan(LinkToken.Length));
        _text.Advance(LinkToken.Length);
    }

    private readonly void WriteBase64(
        in Splice splice, ReadOnlySpan<byte> source, IBufferWriter<byte> output, ref long written)
    {
        var part = _plan.Base64Parts[splice.Index];
        using var content = new ByteBuffer();
        var decoded = part.Content.AsSpan(0, part.Length);
        WriteRange(decoded, part.KeptContent, part.Splices, content, null);
        written += Base64Body.Write(content.Span, part.Layout, splice.UsesLf ? "\n"u8 : "\r\n"u8, output);
    }

    // The number of characters on the output's line before a splice, from the line's start or from the last splice's
    // end.
    private static int Column(ReadOnlySpan<byte> source, int previousEnd, int previousColumn, int start)
    {
        var from = Math.Max(previousEnd, start - Window);
        var newLine = source[from..start].LastIndexOf((byte)'\n');
        return newLine >= 0 ? start - from - newLine - 1
            : from == previousEnd ? previousColumn + start - previousEnd
            : Window;
    }

    // The number of characters that follow on the line, up to its end or to the next splice with its possible soft
    // break.
    private static int Following(ReadOnlySpan<byte> source, int end, int nextSplice)
    {
        var window = source[end..Math.Min(nextSplice, end + Window)];
        var newLine = window.IndexOf((byte)'\n');
        return newLine < 0
            ? window.Length + (end + window.Length == source.Length ? 0 : 1)
            : newLine > 0 && window[newLine - 1] == '\r' ? newLine - 1 : newLine;
    }

    private static ByteBuffer Cleared(ByteBuffer buffer)
    {
        buffer.Truncate();
        return buffer;
    }
}

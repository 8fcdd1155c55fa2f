using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Messages;

/// <summary>Maps changes of decoded text to changes of the content's bytes.</summary>
internal static class DecodedChanges
{
    /// <summary>Moves changes and links from the coordinates of the text to those of the content.</summary>
    /// <returns>Whether the changed bytes decode to exactly the changed text. Only then may the changes be
    /// made.</returns>
    public static bool Apply(
        DecodedText text,
        ReadOnlySpan<byte> content,
        MailCharset charset,
        PooledList<Splice> edits,
        PooledList<FoundLink> links)
    {
        using var expected = new ByteBuffer();
        using var changed = new ByteBuffer();
        var (textAt, contentAt) = (0, 0);
        foreach (ref var edit in edits.Span)
        {
            var start = text.Start(edit.Start);
            var end = text.Start(edit.End);
            if (start < contentAt || end < start)
            {
                return false;
            }

            expected.Append(text.Utf8[textAt..edit.Start]);
            changed.Append(content[contentAt..start]);
            var length = expected.Length;
            expected.GetSpan(edit.Length)[..edit.Length].Fill((byte)'x');
            expected.Advance(edit.Length);
            charset.AppendAscii(expected.Span[length..], changed);
            (textAt, contentAt) = (edit.End, end);

            edit.BreakAt = edit.BreakAt < 0 ? -1 : text.Start(edit.BreakAt);
            (edit.Start, edit.End, edit.ValueStart) = (start, end, start);
        }

        expected.Append(text.Utf8[textAt..]);
        changed.Append(content[contentAt..]);
        foreach (ref var link in links.Span)
        {
            (link.Start, link.End) = (text.Start(link.Start), text.Start(link.End));
        }

        using var again = new DecodedText();
        return again.TryDecode(changed.Span, charset) && again.Utf8.SequenceEqual(expected.Span);
    }
}

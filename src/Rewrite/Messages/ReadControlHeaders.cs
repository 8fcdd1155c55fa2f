using System.Text;
using Tracking.Database.Entities;
using Tracking.Rewrite.Decisions;

namespace Tracking.Rewrite.Messages;

/// <summary>
/// Reads a message's own tracking headers (<c>X-Tracking-…</c>, Postal's <c>X-AMP: skip</c>), for MTAs that can only
/// set headers. An invalid value is ignored: a message is never held back because of a header in it. Of repeated fields
/// the last one counts, but an earlier opt-out always wins.
/// </summary>
public static class ReadControlHeaders
{
    // Ten tags of 64 characters of four octets, with space for folding. Every other value is shorter.
    private const int MaxValueBytes = 4096;

    // The length of X-Tracking-Clicks, the longest name.
    private const int MaxNameBytes = 17;

    /// <summary>Reads the control headers of the message's own header; the headers of parts do not count.</summary>
    public static MessageMetadata From(MessageHeader header)
    {
        ArgumentNullException.ThrowIfNull(header);
        var metadata = new MessageMetadata();
        foreach (ref readonly var field in header.Fields)
        {
            if (field.Kind != HeaderFieldKind.Control
                || header.Name(field.Range).Length > MaxNameBytes
                || header.Value(field.Range).Length > MaxValueBytes)
            {
                continue;
            }

            var name = Encoding.ASCII.GetString(header.Name(field.Range)).ToLowerInvariant();
            var value = header.Text(field.Range).Trim();
            metadata = name switch
            {
                "x-amp" when value.Equals("skip", StringComparison.OrdinalIgnoreCase) =>
                    metadata with { SkipsTracking = true },
                "x-tracking-clicks" when metadata.Clicks != ClickTracking.None =>
                    metadata with { Clicks = MessageMetadata.ParseClicks(value) ?? metadata.Clicks },
                "x-tracking-opens" when metadata.Opens != false =>
                    metadata with { Opens = MessageMetadata.ParseYesNo(value) ?? metadata.Opens },
                "x-tracking-level" => metadata with { Level = Stricter(metadata.Level, value) },
                "x-tracking-tags" => metadata with { Tags = MessageMetadata.ParseTags(value) ?? metadata.Tags },
                "x-tracking-test" =>
                    metadata with { Test = MessageMetadata.ParseTrueFalse(value) ?? metadata.Test },
                "x-tracking-host" => metadata with { Host = value },
                _ => metadata,
            };
        }

        return metadata;
    }

    private static TrackingLevel? Stricter(TrackingLevel? level, string value) =>
        MessageMetadata.ParseLevel(value) is { } other
            ? TrackingLevels.Strictest(level ?? TrackingLevel.Full, other)
            : level;
}

using System.Text;
using Tracking.Database.Entities;
using Tracking.Rewrite.Decisions;

namespace Tracking.Rewrite.Messages;

/// <summary>
/// Reads what a message says of its own tracking (<c>X-Tracking-…</c>, Postal's <c>X-AMP: skip</c>), for MTAs that can
/// only set headers. A value that cannot be used is ignored: a message is never held back for a header in it. Where a
/// field stands twice the last one counts, but never against an opt-out before it.
/// </summary>
public static class ReadControlHeaders
{
    // Ten tags of 64 characters of four octets, with room for folding; no other value is longer.
    private const int MaxValueBytes = 4096;

    // X-Tracking-Clicks is the longest that is read.
    private const int MaxNameBytes = 17;

    /// <summary>Reads the control headers of a message's own header, not of its parts.</summary>
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
                "x-tracking-host" => metadata with { Host = value },
                _ => metadata,
            };
        }

        return metadata;
    }

    private static TrackingLevel? Stricter(TrackingLevel? level, string value) =>
        MessageMetadata.ParseLevel(value) is { } other && !(level > other) ? other : level;
}

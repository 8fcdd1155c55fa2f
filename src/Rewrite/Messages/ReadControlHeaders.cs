using System.Text;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Rewrite.Decisions;

namespace Tracking.Rewrite.Messages;

/// <summary>
/// Reads a message's own tracking headers (<c>X-Tracking-…</c>, Postal's <c>X-AMP: skip</c>, and those of other
/// systems), for MTAs that can only set headers. An invalid value is ignored and reported: a message is never held back
/// because of a header in it. Of repeated fields the last one counts, but an earlier opt-out always wins.
/// </summary>
public static class ReadControlHeaders
{
    // Ten tags of 64 characters of four octets, with space for folding. Every other value is shorter.
    private const int MaxValueBytes = 4096;

    // The length of X-Tracking-Clicks, the longest name.
    private const int MaxNameBytes = 17;

    /// <summary>Reads the control headers of the message's own header; the headers of parts do not count.</summary>
    /// <param name="header">The message's header.</param>
    /// <param name="readsOthers">Whether headers of other systems are read too.</param>
    public static MessageMetadata From(MessageHeader header, bool readsOthers = true)
    {
        ArgumentNullException.ThrowIfNull(header);
        var metadata = new MessageMetadata();
        MessageMetadata? others = null;
        foreach (ref readonly var field in header.Fields)
        {
            if (field.Kind == HeaderFieldKind.Control && header.Name(field.Range).Length <= MaxNameBytes)
            {
                var name = Encoding.ASCII.GetString(header.Name(field.Range));
                metadata = header.Value(field.Range).Length > MaxValueBytes
                    ? metadata.Ignoring(name, HeaderIgnored.TooLong)
                    : Read(metadata, name, header.Text(field.Range).Trim());
            }
            else if (field.Kind == HeaderFieldKind.OtherSystem && readsOthers)
            {
                others = ReadOtherHeaders.Add(others ?? new MessageMetadata(), header, field.Range);
            }
        }

        return others is null ? metadata : metadata with
        {
            Tags = metadata.Tags.Count > 0 ? metadata.Tags : others.Tags,
            ClicksAllowed = others.ClicksAllowed,
            OpensAllowed = others.OpensAllowed,
            IgnoredHeaders = [.. metadata.IgnoredHeaders, .. others.IgnoredHeaders],
        };
    }

    private static MessageMetadata Read(MessageMetadata metadata, string name, string value)
    {
        switch (name.ToLowerInvariant())
        {
            case "x-amp" when value.Equals("skip", StringComparison.OrdinalIgnoreCase):
                return metadata with { SkipsTracking = true };
            case "x-tracking-clicks":
                return MessageMetadata.ParseClicks(value) is { } clicks
                    ? metadata.Clicks == ClickTracking.None ? metadata : metadata with { Clicks = clicks }
                    : metadata.Ignoring(name, HeaderIgnored.UnknownValue);
            case "x-tracking-opens":
                return MessageMetadata.ParseYesNo(value) is { } opens
                    ? metadata.Opens == false ? metadata : metadata with { Opens = opens }
                    : metadata.Ignoring(name, HeaderIgnored.UnknownValue);
            case "x-tracking-level":
                return MessageMetadata.ParseLevel(value) is { } level
                    ? metadata with
                    {
                        Level = TrackingLevels.Strictest(metadata.Level ?? TrackingLevel.Full, level),
                    }
                    : metadata.Ignoring(name, HeaderIgnored.UnknownValue);
            case "x-tracking-tags":
                return MessageMetadata.ParseTags(value) is { } tags
                    ? metadata with { Tags = tags }
                    : metadata.Ignoring(name, HeaderIgnored.UnknownValue);
            case "x-tracking-utm":
                return UtmParameters.TryParse(value) is { } utm
                    ? metadata with { Utm = utm }
                    : metadata.Ignoring(name, HeaderIgnored.UnknownValue);
            case "x-tracking-test":
                return MessageMetadata.ParseTrueFalse(value) is { } test
                    ? metadata with { Test = test }
                    : metadata.Ignoring(name, HeaderIgnored.UnknownValue);
            case "x-tracking-host":
                return metadata with { Host = value };
            default:
                return metadata;
        }
    }
}

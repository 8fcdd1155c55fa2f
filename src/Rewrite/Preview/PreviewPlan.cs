using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Tracking.Contracts;
using Tracking.Links;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Html;
using Tracking.Rewrite.Http;
using Tracking.Rewrite.Messages;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Preview;

/// <summary>
/// Shows a plan before and after rewriting. The product's own code writes the message, which is then read again, so the
/// preview equals the message that would be sent, except for the tokens. A random key that is not kept signs them, so
/// no edge answers them.
/// </summary>
internal static class PreviewPlan
{
    // Gmail shows only this part of a message's HTML. It hides the rest, with the pixel, behind a link.
    private const int ShownByGmail = 102_400;

    /// <summary>Makes the preview of a plan.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="host">The host of the message's links.</param>
    /// <param name="cluster">The message's cluster.</param>
    public static MessagePreview Of(RewritePlan plan, ChosenHost host, ClusterId cluster)
    {
        var output = new ArrayBufferWriter<byte>(Math.Max(plan.OutputSizeHint, 1));
        if (plan.TrackedLinks == 0 && !plan.HasPixel)
        {
            plan.Write(output);
        }
        else
        {
            plan.Write(output, Ids(plan), cluster, MessageKey.Read(RandomNumberGenerator.GetBytes(16)),
                new SigningKey(1, RandomNumberGenerator.GetBytes(SigningKey.Size)));
        }

        var parts = Parts(plan, MessageHeader.Read(output.WrittenMemory, plan.Limits));
        return new MessagePreview
        {
            Host = host.Origin.Host.Value,
            TrackedLinks = plan.TrackedLinks,
            Opens = plan.HasPixel,
            Untouched = WireWords.Of(plan.UntouchedReason),
            Warnings = [.. Warnings(plan, parts, host).Select(WireWords.Of)],
            Parts = parts,
            Links = [.. plan.Links.Select(link => Of(ReportedLink.Of(link, null)))],
        };
    }

    private static LinkId[] Ids(RewritePlan plan)
    {
        var ids = new LinkId[plan.TrackedLinks];
        foreach (var link in plan.Links)
        {
            if (link.IsTracked)
            {
                ids[link.Ordinal] = LinkId.FromUrlHash(SHA256.HashData(link.Destination.Span), 0);
            }
        }

        return ids;
    }

    private static PreviewedLink Of(ReportedLink link) => new()
    {
        Part = link.Part,
        Position = link.Position,
        Url = link.Url,
        Decision = link.Decision,
        Name = link.Name,
    };

    private static List<PreviewedPart> Parts(RewritePlan plan, MessageHeader after)
    {
        var (before, written) = (new List<MimePart>(), new List<MimePart>());
        plan.Header.ReadParts(before, []);
        after.ReadParts(written, []);
        var source = plan.Message;
        var result = after.Message.Span;
        var header = Header(source);
        var writtenHeader = Header(result);
        var parts = new List<PreviewedPart>
        {
            new()
            {
                Part = 0, Kind = "header", Size = header.Length, SizeAfter = writtenHeader.Length,
                Before = Text(header, null), After = Text(writtenHeader, null),
            },
        };
        for (var i = 0; i < before.Count && i < written.Count; i++)
        {
            var content = Content(source, before[i]);
            var rewritten = Content(result, written[i]);
            var isText = before[i].Kind != PartKind.Other;
            parts.Add(new PreviewedPart
            {
                Part = i + 1,
                Kind = before[i].Kind switch
                {
                    PartKind.Html => "html",
                    PartKind.AmpHtml => "amp",
                    PartKind.Plain => "text",
                    _ => "other",
                },
                Size = content.Length,
                SizeAfter = rewritten.Length,
                Reason = i < plan.Parts.Count ? WireWords.Of(plan.Parts[i].Reason) : WireWords.Of(before[i].Reason),
                Before = isText ? Text(content, before[i].Charset) : null,
                After = isText ? Text(rewritten, written[i].Charset) : null,
            });
        }

        return parts;
    }

    private static ReadOnlySpan<byte> Header(ReadOnlySpan<byte> message)
    {
        var lines = message.IndexOf("\r\n\r\n"u8);
        var unix = message.IndexOf("\n\n"u8);
        var end = lines < 0 ? unix : unix < 0 ? lines : Math.Min(lines, unix);
        return end < 0 ? message : message[..end];
    }

    private static ReadOnlySpan<byte> Content(ReadOnlySpan<byte> message, in MimePart part) =>
        MeasureContent.Decode(part.Encoding, message[part.BodyStart..part.BodyEnd]);

    private static string Text(ReadOnlySpan<byte> content, MailCharset? charset) =>
        (charset?.EncodingOf(content) ?? Encoding.UTF8).GetString(content).ReplaceLineEndings("\n");

    private static IEnumerable<PreviewWarning> Warnings(RewritePlan plan, List<PreviewedPart> parts, ChosenHost host)
    {
        var hasHtml = parts.Exists(part => part.Kind == "html");
        if (parts.Exists(part => part.Kind == "html" && part.SizeAfter > ShownByGmail))
        {
            yield return PreviewWarning.HtmlOver102400;
        }

        if (hasHtml && !parts.Exists(part => part.Kind == "text"))
        {
            yield return PreviewWarning.NoTextPart;
        }

        if (plan.Links.Any(link => link.IsTracked && IsShownAsAnother(link, host.Origin.Host)))
        {
            yield return PreviewWarning.VisibleUrlLeadsElsewhere;
        }

        if (!HasUnsubscribe(plan.Header))
        {
            yield return PreviewWarning.NoListUnsubscribe;
        }

        if (plan.TrackedLinks > 0 && !host.Origin.IsHttps)
        {
            yield return PreviewWarning.LinksOverHttp;
        }
    }

    private static bool IsShownAsAnother(PlannedLink link, HostName trackingHost)
    {
        var shown = VisibleUrl.Host(link.Name.Span);
        return !shown.IsEmpty && !VisibleUrl.IsSameOrganisation(shown, trackingHost);
    }

    private static bool HasUnsubscribe(MessageHeader header)
    {
        foreach (ref readonly var field in header.Fields)
        {
            if (field.Kind == HeaderFieldKind.Unsubscribe)
            {
                return true;
            }
        }

        return false;
    }
}

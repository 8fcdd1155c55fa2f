using System.Buffers;
using System.Security.Cryptography;
using Tracking.Links;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Messages;

/// <summary>HTML to be kept.</summary>
/// <param name="Cluster">The message's cluster.</param>
/// <param name="Message">The key of the HTML's message.</param>
/// <param name="Hash">SHA-256 of the HTML.</param>
/// <param name="Html">The rewritten HTML, with <see cref="PlaceToken"/>s in place of its own tokens.</param>
/// <param name="Days">The number of days that the HTML is kept.</param>
public sealed record KeptHtml(ClusterId Cluster, MessageKey Message, byte[] Hash, ReadOnlyMemory<byte> Html, int Days)
{
    // People look at click maps, and no person looks at more. Mailbox providers show a tenth of it.
    private const int Largest = 1024 * 1024;

    /// <summary>The first HTML part that has tracked links.</summary>
    /// <param name="plan">The message's plan, which has tracked links.</param>
    /// <param name="cluster">The message's cluster.</param>
    /// <param name="message">The message's key.</param>
    /// <param name="days">The number of days that the HTML is kept.</param>
    /// <returns><see langword="null"/> when no part has tracked links, or the part is too large.</returns>
    public static KeptHtml? Of(RewritePlan plan, ClusterId cluster, MessageKey message, int days)
    {
        var output = new ArrayBufferWriter<byte>(Math.Max(plan.OutputSizeHint, 1));
        plan.Write(output, new LinkId[plan.TrackedLinks], default, default, PlaceToken.Key);
        var parts = new List<MimePart>();
        MessageHeader.Read(output.WrittenMemory, plan.Limits).ReadParts(parts, []);
        var links = plan.Links.Where(link => link.IsTracked).Select(link => link.Part).ToHashSet();
        for (var i = 0; i < parts.Count; i++)
        {
            if (parts[i].Kind != PartKind.Html || !links.Contains(i + 1))
            {
                continue;
            }

            var body = output.WrittenSpan[parts[i].BodyStart..parts[i].BodyEnd];
            var html = MeasureContent.Decode(parts[i].Encoding, body);
            // Stored as UTF-8, from any charset.
            var text = parts[i].Charset?.EncodingOf(html) is { } encoding
                ? System.Text.Encoding.UTF8.GetBytes(encoding.GetString(html)) : html.ToArray();
            return text.Length > Largest ? null : new KeptHtml(cluster, message, SHA256.HashData(text), text, days);
        }

        return null;
    }
}

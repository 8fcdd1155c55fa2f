using System.Text;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Messages;

/// <summary>Plans the removal of control headers, also from messages that pass through, and learns what else the header
/// says about the rewriting.</summary>
internal static class RemoveControlHeaders
{
    /// <summary>Reads the message's header.</summary>
    /// <returns>Whether a DKIM or ARC signature covers the body.</returns>
    public static bool Run(RewritePlan plan, LinkDecider decider)
    {
        var header = HeaderReader.OfMessage(plan.Message);
        var bodyIsSigned = false;
        var signed = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var controls = new List<HeaderField>();
        for (var fields = 0; fields < plan.Limits.MaxHeaderFields && header.Read() == HeaderStep.Field; fields++)
        {
            if (ControlHeaders.IsControl(header.Name))
            {
                controls.Add(header.Field);
            }
            else if (header.Is("DKIM-Signature"u8))
            {
                bodyIsSigned |= ControlHeaders.CoversBody(header.Value);
                ControlHeaders.AddSigned(header.Value, signed);
            }
            else if (header.Is("ARC-Seal"u8) || header.Is("ARC-Message-Signature"u8))
            {
                bodyIsSigned = true;
            }
            else if (header.Is("List-Unsubscribe"u8))
            {
                ReadUnsubscribe(header.Value, decider);
            }
        }

        foreach (var control in controls)
        {
            if (signed.Count > 0
                && signed.Contains(Encoding.ASCII.GetString(plan.Message[control.Start..control.NameEnd])))
            {
                plan.KeepsSignedControlHeaders = true;
            }
            else
            {
                plan.Splices.Add(new Splice { Start = control.Start, End = control.End, BreakAt = -1 });
            }
        }

        return bodyIsSigned;
    }

    // RFC 2369: URLs in angle brackets; white space inside them is folding.
    private static void ReadUnsubscribe(ReadOnlySpan<byte> value, LinkDecider decider)
    {
        Span<byte> url = stackalloc byte[2048];
        while (value.IndexOf((byte)'<') is >= 0 and var open)
        {
            value = value[(open + 1)..];
            var close = value.IndexOf((byte)'>');
            if (close < 0)
            {
                return;
            }

            var length = 0;
            foreach (var c in value[..Math.Min(close, url.Length)])
            {
                if (c > ' ')
                {
                    url[length++] = c;
                }
            }

            if (length > 0 && (url[0] | 0x20) == 'h')
            {
                decider.AddUnsubscribeUrl(url[..length]);
            }

            value = value[close..];
        }
    }
}

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
                ReadUnsubscribe.Run(header.Value, decider);
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
}

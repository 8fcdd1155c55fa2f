using System.Text;
using Tracking.Rewrite.Decisions;

namespace Tracking.Rewrite.Messages;

/// <summary>Plans the removal of control headers, also from messages that pass through. A header that a DKIM signature
/// names stays, because the signature would break without it. Headers of other systems are removed only where they are
/// read.</summary>
internal static class RemoveControlHeaders
{
    /// <summary>Adds the removals to a plan.</summary>
    public static void Run(RewritePlan plan)
    {
        HashSet<string>? signed = null;
        foreach (ref readonly var field in plan.Header.Fields)
        {
            if (field.Kind == HeaderFieldKind.DkimSignature)
            {
                signed ??= new HashSet<string>(StringComparer.OrdinalIgnoreCase);
                DkimSignature.AddControls(plan.Header.Value(field.Range), signed);
            }
        }

        foreach (ref readonly var field in plan.Header.Fields)
        {
            if (field.Kind != HeaderFieldKind.Control
                && !(field.Kind == HeaderFieldKind.OtherSystem && plan.Request.RemovesOtherHeaders))
            {
                continue;
            }

            if (signed?.Count > 0 && signed.Contains(Encoding.ASCII.GetString(plan.Header.Name(field.Range))))
            {
                plan.KeepsSignedControlHeaders = true;
            }
            else
            {
                plan.Splices.Add(new Splice { Start = field.Range.Start, End = field.Range.End, BreakAt = -1 });
            }
        }
    }
}

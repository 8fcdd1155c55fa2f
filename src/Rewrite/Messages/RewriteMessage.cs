using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Html;

namespace Tracking.Rewrite.Messages;

/// <summary>Plans the rewriting of a message; the only entry point. Pure: no I/O, no clock, no randomness.</summary>
public static class RewriteMessage
{
    /// <summary>Finds the changes of a message.</summary>
    /// <param name="message">The raw message (RFC 5322), which must not change while the plan is in use.</param>
    /// <param name="request">The settings in force.</param>
    /// <param name="limits">The limits; <see langword="null"/> for the defaults.</param>
    /// <param name="memory">Markup that was read before; <see langword="null"/> to read everything again. The plan is
    /// the same with and without.</param>
    /// <returns>A plan. For a message that cannot be rewritten the plan has the reason and leaves the message
    /// unchanged.</returns>
    public static RewritePlan Plan(
        ReadOnlyMemory<byte> message,
        RewriteRequest request,
        RewriteLimits? limits = null,
        MarkupMemory? memory = null) => Plan(MessageHeader.Read(message, limits), request, memory);

    /// <summary>Finds the changes of a message whose header has been read.</summary>
    /// <param name="header">The message's header.</param>
    /// <param name="request">The settings in force.</param>
    /// <param name="memory">Markup that was read before; <see langword="null"/> to read everything again. The plan is
    /// the same with and without.</param>
    /// <returns>A plan. For a message that cannot be rewritten the plan has the reason and leaves the message
    /// unchanged.</returns>
    public static RewritePlan Plan(MessageHeader header, RewriteRequest request, MarkupMemory? memory = null)
    {
        ArgumentNullException.ThrowIfNull(header);
        ArgumentNullException.ThrowIfNull(request);
        var plan = new RewritePlan(header, request);
        try
        {
            using var planner = new PlanParts(plan, memory);
            planner.Run();
        }
        // A fault of ours must not delay mail: the original goes out, and the caller logs the fault.
        catch (Exception fault) when (fault is not OutOfMemoryException)
        {
            plan.Report.Truncate();
            plan.Splices.Truncate();
            plan.Pixels = 0;
            plan.UntouchedReason = Untouched.InternalFault;
            plan.Failure = fault;
        }

        plan.OutputSizeHint = header.Message.Length;
        foreach (ref readonly var splice in plan.Splices.Span)
        {
            plan.OutputSizeHint += splice.Length + 16;
        }

        return plan;
    }

    /// <summary>Plans only the removal of control headers, for a message that is too large to be read.</summary>
    /// <param name="header">The message's header.</param>
    /// <param name="removesOthers">Whether headers of other systems are removed too.</param>
    public static RewritePlan PlanHeader(MessageHeader header, bool removesOthers = false)
    {
        ArgumentNullException.ThrowIfNull(header);
        var request = new RewriteRequest { RemovesOtherHeaders = removesOthers };
        var plan = new RewritePlan(header, request) { OutputSizeHint = header.Message.Length };
        RemoveControlHeaders.Run(plan);
        return plan;
    }
}

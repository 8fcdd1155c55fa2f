using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Html;

namespace Tracking.Rewrite.Messages;

/// <summary>Plans the rewriting of a message: the one way in. Pure: no I/O, no clock, no randomness.</summary>
public static class RewriteMessage
{
    /// <summary>Finds what will be changed in a message.</summary>
    /// <param name="message">The raw message (RFC 5322), which must not change while the plan is in use.</param>
    /// <param name="request">The settings in effect.</param>
    /// <param name="limits">Bounds; <see langword="null"/> for the defaults.</param>
    /// <param name="memory">Markup that was read before; <see langword="null"/> to read everything afresh. The plan is
    /// the same with and without.</param>
    /// <returns>A plan; whatever is wrong with the message, it says so and leaves it as it is.</returns>
    public static RewritePlan Plan(
        ReadOnlyMemory<byte> message,
        RewriteRequest request,
        RewriteLimits? limits = null,
        MarkupMemory? memory = null) => Plan(MessageHeader.Read(message, limits), request, memory);

    /// <summary>Finds what will be changed in a message whose header has been read.</summary>
    /// <param name="header">The message's header.</param>
    /// <param name="request">The settings in effect.</param>
    /// <param name="memory">Markup that was read before; <see langword="null"/> to read everything afresh. The plan is
    /// the same with and without.</param>
    /// <returns>A plan; whatever is wrong with the message, it says so and leaves it as it is.</returns>
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
        // A fault of ours must not hold up anybody's mail: the original goes out, and the caller logs the fault.
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

    /// <summary>Plans the removal of control headers and nothing else: for a message too large to be read.</summary>
    /// <param name="header">The message's header.</param>
    public static RewritePlan PlanHeader(MessageHeader header)
    {
        ArgumentNullException.ThrowIfNull(header);
        var plan = new RewritePlan(header, new RewriteRequest()) { OutputSizeHint = header.Message.Length };
        RemoveControlHeaders.Run(plan);
        return plan;
    }
}

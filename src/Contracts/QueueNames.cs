namespace Tracking.Contracts;

/// <summary>Names of queues that more than one service knows.</summary>
public static class QueueNames
{
    /// <summary>Batches of events from the edges to EventIngest.</summary>
    public const string StoreEvents = "store-events";

    /// <summary>Messages to rewrite, from MTAs. Also the name of the exchange in front of the queue; the account of an
    /// MTA may write to it.</summary>
    public const string Rewrite = "rewrite";

    /// <summary>Messages of <see cref="Rewrite"/> that were delivered before. A process works on each of them
    /// alone.</summary>
    public const string RewriteAlone = "rewrite.alone";

    /// <summary>Rewritten messages without a queue of their publisher's own.</summary>
    public const string Rewritten = "rewritten";

    /// <summary>Tracking domains to check now, for the verifiers.</summary>
    public const string VerifyDomains = "verify-domains";

    /// <summary>Questions about names that are not added, for the verifiers.</summary>
    public const string CheckNames = "check-names";

    /// <summary>The beginning of the names of queues for answers to <see cref="CheckName"/>; a GUID follows.</summary>
    public const string Checks = "checks-";

    /// <summary>Messages of which somebody wants to know what they would become, for the rewriters.</summary>
    public const string PreviewMessages = "preview-messages";

    /// <summary>What the names of queues begin with on which answers to <see cref="PreviewMessage"/> come; a GUID
    /// follows.</summary>
    public const string Previews = "previews-";

    /// <summary>Names that need a certificate now, for the certificate services.</summary>
    public const string OrderCertificates = "order-certificates";

    /// <summary>The queue of an edge for the acknowledgements of its batches.</summary>
    public static string Acknowledgements(Guid edgeId) => $"edge-{edgeId:N}";
}

namespace Tracking.Contracts;

/// <summary>Names of queues that more than one service knows.</summary>
public static class QueueNames
{
    /// <summary>Batches of events on their way from the edges to EventIngest.</summary>
    public const string StoreEvents = "store-events";

    /// <summary>Messages to be rewritten, from MTAs; also the exchange in front of it, which an MTA's account may
    /// write to.</summary>
    public const string Rewrite = "rewrite";

    /// <summary>Messages of <see cref="Rewrite"/> that were delivered before: each is worked on alone.</summary>
    public const string RewriteAlone = "rewrite.alone";

    /// <summary>Rewritten messages, unless their publisher named a queue of its own.</summary>
    public const string Rewritten = "rewritten";

    /// <summary>Tracking domains that somebody wants checked now, for the verifiers.</summary>
    public const string VerifyDomains = "verify-domains";

    /// <summary>Names that somebody asks about without adding them, for the verifiers.</summary>
    public const string CheckNames = "check-names";

    /// <summary>What the names of queues begin with on which answers to <see cref="CheckName"/> come; a GUID
    /// follows.</summary>
    public const string Checks = "checks-";

    /// <summary>Messages of which somebody wants to know what they would become, for the rewriters.</summary>
    public const string PreviewMessages = "preview-messages";

    /// <summary>What the names of queues begin with on which answers to <see cref="PreviewMessage"/> come; a GUID
    /// follows.</summary>
    public const string Previews = "previews-";

    /// <summary>Names that want a certificate now, for the certificate services.</summary>
    public const string OrderCertificates = "order-certificates";

    /// <summary>The queue on which an edge learns which of its batches are stored.</summary>
    public static string Acknowledgements(Guid edgeId) => $"edge-{edgeId:N}";
}

namespace Tracking.Rewrite.Queue;

/// <summary>Why a message of the queue went out as it came, beside the reasons of <see cref="Messages.Untouched"/>.
/// </summary>
public static class QueueUntouched
{
    /// <summary>Nobody's: no header, sending domain or default names a cluster that exists.</summary>
    public const string NoCluster = "no-cluster";

    /// <summary>Its links could not be registered while it was held.</summary>
    public const string StoreUnavailable = "store unavailable";

    /// <summary>Its id, and the hash that stands in for an id, are both taken by other messages.</summary>
    public const string IdTaken = "message id taken";

    /// <summary>The body says that it is JSON, and is not.</summary>
    public const string MalformedJson = "malformed json";

    /// <summary>JSON without a string <c>mime</c>, as with a <c>key</c> in its place.</summary>
    public const string NoMime = "no mime string";

    /// <summary>JSON with <c>mime</c> more than once.</summary>
    public const string SeveralMimes = "several mime properties";

    /// <summary>The body says that it is compressed by gzip, and is not.</summary>
    public const string MalformedGzip = "malformed gzip";

    /// <summary>A content encoding other than gzip.</summary>
    public const string UnknownContentEncoding = "unknown content encoding";

    /// <summary>Larger than <c>Tracking__Rewrite__MaxMessageBytes</c>, decompressed if need be; or a JSON body larger
    /// than <c>Tracking__Rewrite__Queue__MaxBodyBytes</c>.</summary>
    public const string TooLarge = "too large";

    /// <summary>The broker takes the message, but not the rewritten one: it is too large.</summary>
    public const string OutputTooLarge = "output too large";

    /// <summary>The rewritten message is not UTF-8, which JSON requires.</summary>
    public const string OutputNotUtf8 = "output not utf-8";

    /// <summary>A header that cannot be used; its name follows.</summary>
    public const string InvalidHeader = "invalid header";
}

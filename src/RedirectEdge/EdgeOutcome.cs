namespace Tracking.RedirectEdge;

/// <summary>The outcome of a request. <see cref="EdgeAnswer"/> maps it to HTTP.</summary>
internal enum EdgeOutcome
{
    /// <summary>302 to the link's destination.</summary>
    Redirect,

    /// <summary>The open pixel.</summary>
    Pixel,

    /// <summary><c>/</c>, for every host: shows an operator that a name leads to the edge.</summary>
    Hello,

    /// <summary><c>/robots.txt</c>.</summary>
    Robots,

    /// <summary>An app-association file of a tracking domain.</summary>
    AppFile,

    /// <summary>No token in the path and no other route.</summary>
    NoSuchPage,

    /// <summary>The form of a token with a wrong MAC.</summary>
    Tampered,

    /// <summary>A token at the end of a path that does not fit the token's kind.</summary>
    WrongKind,

    /// <summary>A valid token on a host that is not served.</summary>
    UnknownHost,

    /// <summary>A valid token on a host of another cluster, or of a deleted cluster.</summary>
    ForeignHost,

    /// <summary>A valid token whose destination is not in the database.</summary>
    UnknownLink,

    /// <summary>A destination that must not be put into a header.</summary>
    UnsafeDestination,

    /// <summary>A destination that an admin has blocked.</summary>
    Blocked,

    /// <summary>More damaged or guessed tokens than <see cref="RedirectEdgeOptions.InvalidTokensPerSecondAndNetwork"/>
    /// from one network.</summary>
    TooManyInvalid,

    /// <summary><see cref="RedirectEdgeOptions.RequireTrackHostHeader"/> is on and the header is missing.</summary>
    NotMarked,

    /// <summary>Neither GET nor HEAD.</summary>
    MethodNotAllowed,

    /// <summary>The necessary data is not in memory, and the store is unavailable.</summary>
    Unavailable,
}

namespace Tracking.Certificates.Acme;

/// <summary>The type of a problem. The first block has the types of RFC 8555 §6.7 and of its extensions. The second
/// block has the types that this program adds.</summary>
public enum AcmeProblemType
{
    /// <summary>A type that this program does not know. <see cref="AcmeProblem.TypeText"/> has its text.</summary>
    Unknown,

    /// <summary>The authority has no account with this key.</summary>
    AccountDoesNotExist,

    /// <summary>The certificate named in <c>replaces</c> has been replaced already (RFC 9773 §5).</summary>
    AlreadyReplaced,

    /// <summary>The certificate is revoked already.</summary>
    AlreadyRevoked,

    /// <summary>The certificate request is not accepted.</summary>
    BadCsr,

    /// <summary>The authority refused every nonce that was tried. The same step may be tried again.</summary>
    BadNonce,

    /// <summary>A public key is not accepted.</summary>
    BadPublicKey,

    /// <summary>The reason of a revocation is not accepted.</summary>
    BadRevocationReason,

    /// <summary>The signature's algorithm is not accepted.</summary>
    BadSignatureAlgorithm,

    /// <summary>CAA records forbid the authority to issue (RFC 8659).</summary>
    Caa,

    /// <summary>Several problems, listed in <see cref="AcmeProblem.Subproblems"/>.</summary>
    Compound,

    /// <summary>Another request has changed the same thing, or another account has this key (Boulder).</summary>
    Conflict,

    /// <summary>The authority could not connect to the name.</summary>
    Connection,

    /// <summary>The authority had a problem with DNS.</summary>
    Dns,

    /// <summary>The authority wants an external account binding for accounts.</summary>
    ExternalAccountRequired,

    /// <summary>The answer to a challenge was wrong.</summary>
    IncorrectResponse,

    /// <summary>A contact is not accepted.</summary>
    InvalidContact,

    /// <summary>The profile does not exist, or this account may not use it.</summary>
    InvalidProfile,

    /// <summary>The authority did not understand the request.</summary>
    Malformed,

    /// <summary>The order is not ready to be finalized.</summary>
    OrderNotReady,

    /// <summary>A limit is used up, or the name is paused (<see cref="AcmeProblem.PausedUrl"/>).</summary>
    RateLimited,

    /// <summary>The authority does not issue for this name.</summary>
    RejectedIdentifier,

    /// <summary>The authority had a problem of its own.</summary>
    ServerInternal,

    /// <summary>The authority had a problem with TLS at the name.</summary>
    Tls,

    /// <summary>The account may not do this: the account is deactivated, or a challenge failed.</summary>
    Unauthorized,

    /// <summary>The authority does not know the scheme of a contact.</summary>
    UnsupportedContact,

    /// <summary>The authority does not know this kind of name.</summary>
    UnsupportedIdentifier,

    /// <summary>A person has to do something first: <see cref="AcmeProblem.TermsOfService"/>,
    /// <see cref="AcmeProblem.Instance"/>.</summary>
    UserActionRequired,

    /// <summary>The authority was not reached: there was no connection, no trusted TLS, or the connection was
    /// cut.</summary>
    Unreachable,

    /// <summary>The authority took longer than a request may take.</summary>
    TimedOut,

    /// <summary>An error status without an ACME problem, for example from a load balancer.</summary>
    Unavailable,

    /// <summary>An answer that does not follow RFC 8555, or exceeds our limits of size or depth.</summary>
    NotAcme,

    /// <summary>The authority named a URL whose origin is neither the directory's nor configured.</summary>
    ForeignUrl,

    /// <summary>The directory does not have the wanted function.</summary>
    NotOffered,

    /// <summary>The authority has terms of service, and the configuration does not accept them.</summary>
    TermsNotAccepted,
}

namespace Tracking.Certificates.Acme;

/// <summary>What kind of problem it is. The first block are the types of RFC 8555 §6.7 and of its extensions, the
/// second is what happens without the authority saying so.</summary>
public enum AcmeProblemType
{
    /// <summary>A type that this program does not know; <see cref="AcmeProblem.TypeText"/> has it.</summary>
    Unknown,

    /// <summary>The authority has no account with this key.</summary>
    AccountDoesNotExist,

    /// <summary>The certificate named in <c>replaces</c> has been replaced already (RFC 9773 §5).</summary>
    AlreadyReplaced,

    /// <summary>The certificate is revoked already.</summary>
    AlreadyRevoked,

    /// <summary>The certificate request is not accepted.</summary>
    BadCsr,

    /// <summary>The nonce was refused more often than it is tried; the same step may be tried again.</summary>
    BadNonce,

    /// <summary>A public key is not accepted.</summary>
    BadPublicKey,

    /// <summary>The reason of a revocation is not accepted.</summary>
    BadRevocationReason,

    /// <summary>The signature's algorithm is not accepted.</summary>
    BadSignatureAlgorithm,

    /// <summary>CAA records forbid the authority to issue (RFC 8659).</summary>
    Caa,

    /// <summary>Several problems; they are in <see cref="AcmeProblem.Subproblems"/>.</summary>
    Compound,

    /// <summary>Another request has changed the same thing, or another account has this key (Boulder).</summary>
    Conflict,

    /// <summary>The authority could not connect to the name.</summary>
    Connection,

    /// <summary>The authority had a problem with DNS.</summary>
    Dns,

    /// <summary>An account here needs an external account binding.</summary>
    ExternalAccountRequired,

    /// <summary>The answer to a challenge was wrong.</summary>
    IncorrectResponse,

    /// <summary>A contact is not accepted.</summary>
    InvalidContact,

    /// <summary>The profile does not exist, or is not for this account.</summary>
    InvalidProfile,

    /// <summary>The request was not understood.</summary>
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

    /// <summary>The account may not do this: a deactivated account, or a challenge that failed.</summary>
    Unauthorized,

    /// <summary>The scheme of a contact is not known there.</summary>
    UnsupportedContact,

    /// <summary>The kind of name is not known there.</summary>
    UnsupportedIdentifier,

    /// <summary>A person has to do something first: <see cref="AcmeProblem.TermsOfService"/>,
    /// <see cref="AcmeProblem.Instance"/>.</summary>
    UserActionRequired,

    /// <summary>The authority was not reached: no connection, no TLS that is trusted, or it was cut.</summary>
    Unreachable,

    /// <summary>The authority took longer than a request may take.</summary>
    TimedOut,

    /// <summary>An error status without an ACME problem: a load balancer's page, for example.</summary>
    Unavailable,

    /// <summary>An answer that does not follow RFC 8555, or is larger or deeper than one may be.</summary>
    NotAcme,

    /// <summary>The authority named an address of another origin than its directory's, which is not
    /// configured.</summary>
    ForeignUrl,

    /// <summary>The directory does not offer what was asked for.</summary>
    NotOffered,

    /// <summary>The authority has terms of service and the configuration does not accept them.</summary>
    TermsNotAccepted,
}

using Tracking.Certificates.Acme;

namespace Tracking.Certificates.Issuance;

/// <summary>Says what a person can do about a problem, in addition to the authority's words.</summary>
internal static class AdviseOn
{
    /// <summary>One or two sentences; <see langword="null"/> if a person can only wait.</summary>
    public static string? Problem(AcmeProblem problem)
    {
        ArgumentNullException.ThrowIfNull(problem);
        return problem switch
        {
            { Advice: { Length: > 0 } advice } => advice,
            { PausedUrl: { } url } => $"The authority waits for a person: open {url}, then retry.",
            { IsFromElsewhere: true } => "The CA looks from several countries. Port 80 must be open to the whole world "
                + "for /.well-known/acme-challenge/. From here this cannot be tested.",
            { Type: AcmeProblemType.Connection } =>
                "Open ports 80 and 443 of every address of the name to the whole internet.",
            { Type: AcmeProblemType.Unauthorized or AcmeProblemType.IncorrectResponse } =>
                "Something in front of the gateways answers challenges: let /.well-known/acme-challenge/ through to "
                + "them, without a redirect.",
            { Type: AcmeProblemType.Dns } => "Look at the name's records, and at those of the names on the way to its "
                + "address.",
            { Type: AcmeProblemType.Tls } => "Something in front of the gateways ends TLS on port 443 for the name.",
            { Type: AcmeProblemType.Caa } => "The zone has CAA records that do not name the authority: add a record "
                + "that does.",
            { Type: AcmeProblemType.UserActionRequired or AcmeProblemType.TermsNotAccepted } =>
                "Accept the authority's terms of service (Tracking__Certificates__AcceptTermsOfService).",
            { Type: AcmeProblemType.ExternalAccountRequired } =>
                "Set EabKeyId and EabKey of the authority as it gave them.",
            { Type: AcmeProblemType.RejectedIdentifier or AcmeProblemType.UnsupportedIdentifier } =>
                "The authority issues nothing for this name. Another authority may.",
            _ => null,
        };
    }
}

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
            { PausedUrl: { } url } => $"The authority has paused this name: open {url} to resume, then retry.",
            { IsFromElsewhere: true } => "The authority connects from several countries. Open port 80 to the whole "
                + "internet for /.well-known/acme-challenge/. This service cannot test connections from other "
                + "countries.",
            { Type: AcmeProblemType.Connection } =>
                "Open ports 80 and 443 of every address of the name to the whole internet.",
            { Type: AcmeProblemType.Unauthorized or AcmeProblemType.IncorrectResponse } =>
                "A proxy or another server in front of the gateways answers the challenge. Let it pass requests for "
                + "/.well-known/acme-challenge/ to the gateways, without a redirect.",
            { Type: AcmeProblemType.Dns } => "Check the DNS records of the name, and of each name that its CNAME "
                + "records lead to.",
            { Type: AcmeProblemType.Tls } => "A proxy or another server in front of the gateways ends TLS on port 443 "
                + "for the name. Let it pass TLS connections to the gateways.",
            { Type: AcmeProblemType.Caa } => "The CAA records of the zone do not allow the authority. Add a CAA record "
                + "for the authority.",
            { Type: AcmeProblemType.UserActionRequired or AcmeProblemType.TermsNotAccepted } =>
                "Accept the authority's terms of service (Tracking__Certificates__AcceptTermsOfService).",
            { Type: AcmeProblemType.ExternalAccountRequired } =>
                "Set EabKeyId and EabKey to the values that you received from the authority.",
            { Type: AcmeProblemType.RejectedIdentifier or AcmeProblemType.UnsupportedIdentifier } =>
                "The authority issues no certificate for this name. Try another authority.",
            _ => null,
        };
    }
}

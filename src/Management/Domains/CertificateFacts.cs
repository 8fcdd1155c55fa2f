using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.EntityFrameworkCore;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Management.Domains;

/// <summary>The facts about a name's certificate, as stored by the certificate service.</summary>
internal sealed class CertificateFacts
{
    public required string Hostname { get; init; }

    /// <summary>Failures in a row.</summary>
    public required int Failures { get; init; }

    /// <summary>Why the last attempt failed, and the type of the failure.</summary>
    public string? Error { get; init; }

    public string? ErrorType { get; init; }

    /// <summary>What a person can do about the failure.</summary>
    public string? Advice { get; init; }

    public string? PausedUrl { get; init; }

    /// <summary>Whether the name waits in the queue for a limit of an authority.</summary>
    public required bool IsQueued { get; init; }

    /// <summary>When the name is due next.</summary>
    public DateTimeOffset? DueAt { get; init; }

    public DateTimeOffset? RenewAt { get; init; }

    /// <summary>The end of a process's lease of the name.</summary>
    public DateTimeOffset? LeasedUntil { get; init; }

    public DateTimeOffset? NotBefore { get; init; }

    public DateTimeOffset? NotAfter { get; init; }

    /// <summary>The beginning of the chain, with the whole first certificate.</summary>
    public string? Chain { get; init; }

    /// <summary>The common name of the issuing authority's certificate.</summary>
    public string? Issuer
    {
        get
        {
            try
            {
                if (Chain is null || !PemEncoding.TryFind(Chain, out _))
                {
                    return null;
                }

                using var certificate = X509Certificate2.CreateFromPem(Chain);
                return certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: true) is { Length: > 0 } name
                    ? name : null;
            }
            catch (CryptographicException)
            {
                return null;
            }
        }
    }

    /// <summary>Reads the facts about given names of a cluster, or about the operator's own hosts if the cluster is
    /// <see langword="null"/>. Another owner's attempts for the same name are left out. The query uses the context's
    /// connection and transaction.</summary>
    public static async Task<IReadOnlyDictionary<string, CertificateFacts>> ReadAsync(
        TrackingDb db, ClusterId? cluster, string[] hostnames, CancellationToken cancellationToken) =>
        hostnames.Length == 0
            ? new Dictionary<string, CertificateFacts>()
            : await db.Database.SqlQuery<CertificateFacts>(
                $"""
                SELECT n.hostname "Hostname", n.failures "Failures", n.last_failure->>'detail' "Error",
                    n.last_failure->>'type' "ErrorType", n.last_failure->>'advice' "Advice",
                    n.queued_for IS NOT NULL "IsQueued", n.paused_url "PausedUrl",
                    nullif(n.due_at, 'infinity') "DueAt", n.renew_at "RenewAt", n.leased_until "LeasedUntil",
                    i.not_before "NotBefore", i.not_after "NotAfter", left(i.chain, 8192) "Chain"
                FROM certificates.names n
                LEFT JOIN certificates.issued i ON i.id = n.certificate_id AND i.cluster_id IS NOT DISTINCT FROM n.cluster_id
                WHERE n.hostname = ANY({hostnames}) AND n.cluster_id IS NOT DISTINCT FROM {cluster?.Value}::integer
                """).ToDictionaryAsync(facts => facts.Hostname, StringComparer.Ordinal, cancellationToken);
}

using MassTransit;
using Microsoft.Extensions.Options;
using Tracking.Bus;
using Tracking.Certificates.Accounts;
using Tracking.Certificates.Acme;
using Tracking.Contracts;
using Tracking.Links;

namespace Tracking.Certificates.Issuance;

/// <summary>Tells gateways that a name has a challenge or a certificate. Gateways also read the database at intervals.
/// The message makes them read it within seconds.</summary>
internal sealed partial class TellGateways(
    DirectoryChanges changes, IBus bus, IOptions<CertificateOptions> options, TimeProvider time,
    ILogger<TellGateways> logger)
{
    // After a key change every challenge is announced for this time, until every gateway has read the new thumbprint.
    // The time is many times the gateways' refresh of 30 s.
    private static readonly TimeSpan _newKey = TimeSpan.FromMinutes(10);

    /// <summary>Returns when every gateway should know the challenge. Gateways answer an http-01 challenge of the first
    /// authority without a message.</summary>
    public async Task OfChallengeAsync(
        LeasedName name, ChallengeType type, OpenAuthority authority, CancellationToken cancellationToken)
    {
        if (type == ChallengeType.Http01 && authority.Settings == options.Value.Authorities.FirstOrDefault()
            && !(authority.KeyChangedAt > time.GetUtcNow() - _newKey))
        {
            return;
        }

        await OfChallengeAsync(name.Cluster, name.Host, cancellationToken);
    }

    /// <summary>Returns when every gateway should know of a challenge for a name.</summary>
    public async Task OfChallengeAsync(ClusterId? cluster, HostName host, CancellationToken cancellationToken)
    {
        changes.Announce(cluster, hostname: host.Value);
        await Task.Delay(options.Value.ChallengeHeadStart, time, cancellationToken);
    }

    /// <summary>Announces that a name's certificate is not in use any more.</summary>
    public void OfRevocation(ClusterId? cluster, HostName host) => changes.Announce(cluster, hostname: host.Value);

    /// <summary>Announces that a name has a certificate.</summary>
    public void OfCertificate(LeasedName name, DateTimeOffset notAfter)
    {
        changes.Announce(name.Cluster, hostname: name.Host.Value);
        _ = PublishAsync(new CertificateIssued
        {
            Id = Guid.CreateVersion7(time.GetUtcNow()),
            Cluster = name.Cluster?.Value,
            Hostname = name.Host.Value,
            At = time.GetUtcNow(),
            NotAfter = notAfter,
        });
    }

    private async Task PublishAsync(CertificateIssued issued)
    {
        try
        {
            await Task.Yield();
            await bus.Publish(issued, CancellationToken.None);
        }
#pragma warning disable CA1031 // No caller awaits this: exceptions are logged, and gateways look by themselves.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            LogNotTold(exception, issued.Hostname);
        }
    }

    [LoggerMessage(
        LogLevel.Warning, "The new certificate of {Host} could not be announced; gateways see it by themselves")]
    private partial void LogNotTold(Exception exception, string host);
}

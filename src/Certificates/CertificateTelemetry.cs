using System.Diagnostics.Metrics;

namespace Tracking.Certificates;

/// <summary>The state of the certificates of a group of hosts.</summary>
/// <param name="IsOwn">Whether the group is the operator's own hosts; otherwise it is the tracking domains.</param>
/// <param name="SecondsLeft">The remaining life of the certificate that ends first; <see langword="null"/> without
/// certificates.</param>
/// <param name="ShareLeft">The smallest remaining share of life among the certificates, 0 to 1.</param>
/// <param name="Names">The number of names in each state.</param>
internal sealed record CertificatesInUse(
    bool IsOwn, double? SecondsLeft, double? ShareLeft, IReadOnlyList<(string State, long Names)> Names);

/// <summary>The figures of this service: meter <c>Tracking.Certificates</c>.</summary>
internal sealed class CertificateTelemetry
{
    /// <summary>The name of the meter.</summary>
    public const string Name = "Tracking.Certificates";

    private volatile IReadOnlyList<CertificatesInUse> _inUse = [];
    private volatile int _unreached;

    public CertificateTelemetry(IMeterFactory meters)
    {
        var meter = meters.Create(Name);
        meter.CreateObservableGauge(
            "tracking.certificates.left.min", () => Each(hosts => hosts.SecondsLeft), "s",
            "Remaining time of the certificate in use that expires first.");
        meter.CreateObservableGauge(
            "tracking.certificates.share.left.min", () => Each(hosts => hosts.ShareLeft), "{share}",
            "The smallest remaining share of life among certificates in use, 0 to 1.");
        meter.CreateObservableGauge(
            "tracking.certificates.names",
            () => _inUse.SelectMany(hosts => hosts.Names.Select(count => new Measurement<long>(
                count.Names, Hosts(hosts), new KeyValuePair<string, object?>("state", count.State)))),
            "{name}", "Names that want a certificate, by state.");
        meter.CreateObservableGauge(
            "tracking.certificates.probe.failed", () => _unreached, "{host}",
            "The operator's own hosts that did not answer the last request over TLS.");
    }

    /// <summary>Takes the latest measurement.</summary>
    public void InUse(IReadOnlyList<CertificatesInUse> inUse) => _inUse = inUse;

    /// <summary>Takes the number of own hosts that did not answer.</summary>
    public void Unreached(int hosts) => _unreached = hosts;

    private IEnumerable<Measurement<double>> Each(Func<CertificatesInUse, double?> figure) => _inUse
        .Where(hosts => figure(hosts) is not null)
        .Select(hosts => new Measurement<double>(figure(hosts)!.Value, Hosts(hosts)));

    private static KeyValuePair<string, object?> Hosts(CertificatesInUse hosts) =>
        new("hosts", hosts.IsOwn ? "own" : "customers");
}

using System.Diagnostics.Metrics;

namespace Tracking.Tls;

/// <summary>Why a TLS connection was not served.</summary>
internal enum TlsRefusal
{
    /// <summary>No certificate for the name, or none for clients without a name.</summary>
    UnknownName,

    /// <summary>The server name in the ClientHello is no valid name.</summary>
    InvalidName,

    /// <summary>The store is unavailable, so it is unknown whether the name has a certificate.</summary>
    Unavailable,

    /// <summary>The client asked for a challenge that is not open.</summary>
    NoChallenge,

    /// <summary>The connection did not begin with a TLS handshake.</summary>
    NotTls,

    /// <summary>The ClientHello contradicts itself.</summary>
    Malformed,

    /// <summary>The ClientHello is too long.</summary>
    TooLong,

    /// <summary>The handshake did not end in time.</summary>
    Timeout,

    /// <summary>A load balancer's PROXY header is missing or wrong.</summary>
    ProxyHeader,
}

/// <summary>The metrics of TLS, meter <c>Tracking.Tls</c>.</summary>
internal sealed class TlsMeters
{
    /// <summary>The meter's name.</summary>
    public const string Name = "Tracking.Tls";

    private static readonly string[] _reasons =
        [.. Enum.GetNames<TlsRefusal>().Select(name => char.ToLowerInvariant(name[0]) + name[1..])];

    private readonly Meter _meter;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _lookups;

    public TlsMeters(IMeterFactory factory)
    {
        _meter = factory.Create(Name);
        _refused = _meter.CreateCounter<long>(
            "tracking.tls.refused", "{connection}", "Connections that were not served, by reason.");
        _lookups = _meter.CreateCounter<long>(
            "tracking.tls.lookups", "{lookup}", "Look-ups of certificates that were not in memory, by outcome.");
        Challenges = _meter.CreateCounter<long>(
            "tracking.tls.challenges", "{challenge}", "Challenges of certificate authorities answered, by type.");
    }

    public Counter<long> Challenges { get; }

    public void Refuse(TlsRefusal reason) =>
        _refused.Add(1, new KeyValuePair<string, object?>("reason", _reasons[(int)reason]));

    /// <param name="outcome"><c>found</c>, <c>unknown</c> or <c>failed</c>.</param>
    public void LookedUp(string outcome) => _lookups.Add(1, new KeyValuePair<string, object?>("outcome", outcome));

    public void ObserveCertificates(Func<int> count) => _meter.CreateObservableGauge(
        "tracking.tls.certificates", count, "{certificate}", "Certificates in memory.");
}

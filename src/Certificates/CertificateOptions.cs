using System.ComponentModel.DataAnnotations;
using System.Net.Mail;

namespace Tracking.Certificates;

/// <summary>Orders of certificates: <c>Tracking__Certificates__…</c>.</summary>
public sealed class CertificateOptions : IValidatableObject
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Certificates";

    /// <summary>The certificate authorities, in the order in which they are asked. Default none: no certificates are
    /// ordered.</summary>
    public IList<AuthoritySettings> Authorities { get; } = [];

    /// <summary>Whether the operator accepts the terms of service of all authorities above. Default off: no account is
    /// made at an authority with terms.</summary>
    public bool AcceptTermsOfService { get; set; }

    /// <summary>An e-mail address for messages of authorities. Not set: none. Let's Encrypt does not send mail any
    /// more.</summary>
    public string? Contact { get; set; }

    /// <summary>The longest time of a request to an authority with all its repetitions; 1 s to 5 min, default 30 s.
    /// Authorities answer within 1 s, and under load within 10 s.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The most bytes of an answer; 64 KiB to 16 MiB, default 1 MiB. A chain of ten certificates has 20
    /// kB.</summary>
    [Range(65_536, 16 * 1_048_576)]
    public int MaxAnswerBytes { get; set; } = 1_048_576;

    /// <summary>How often a request is sent whose nonce is refused; 1 to 100, default 20. A new nonce may be refused
    /// when several servers share one address and learn of nonces late.</summary>
    [Range(1, 100)]
    public int NonceAttempts { get; set; } = 20;

    /// <summary>How long a nonce is kept; 1 s to 1 h, default 5 min. Authorities forget nonces after some thousand
    /// others or at a restart.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan NonceAge { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>The operator's own hosts that need certificates in addition to the system host, such as the console's.
    /// Default none.</summary>
    public IList<string> Hosts { get; } = [];

    /// <summary>How often those hosts and the system host are requested over TLS like a visitor does; 1 min to 1 d,
    /// default 1 h. A failing host is requested every 5 min.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "1.00:00:00")]
    public TimeSpan ProbeInterval { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Whether a name is checked before an order as the authority will check it. Default on: a failed attempt
    /// at an authority counts against its limits, our own check does not.</summary>
    public bool CheckBeforeOrder { get; set; } = true;

    /// <summary>The longest time of our own check of one address of a name; 100 ms to 1 min, default 10 s, as at Let's
    /// Encrypt.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan CheckTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The port of http-01, 1 to 65535. Default 80, which every authority uses (RFC 8555 §8.3). Other ports
    /// are for test environments.</summary>
    [Range(1, 65535)]
    public int HttpPort { get; set; } = 80;

    /// <summary>The port of tls-alpn-01, 1 to 65535. Default 443, which every authority uses (RFC 8737 §3). Other ports
    /// are for test environments.</summary>
    [Range(1, 65535)]
    public int TlsPort { get; set; } = 443;

    /// <summary>The most names that one process works on at the same time, 1 to 1000, default 16. An order takes
    /// seconds, nearly all of them waiting.</summary>
    [Range(1, 1000)]
    public int OrdersAtOnce { get; set; } = 16;

    /// <summary>How often due names are searched without a call; 100 ms to 1 min, default 1 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan LookInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest time that a process works on one order before other orders get their turn; 10 s to 30 min,
    /// default 2 min. Authorities take seconds.</summary>
    [Range(typeof(TimeSpan), "00:00:10", "00:30:00")]
    public TimeSpan LongestOrder { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>How long a process leases a name; 1 min to 1 h, default 5 min: longer than <see cref="LongestOrder"/>
    /// with the requests before and after it. Orders of a dead process continue when the lease ends.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "01:00:00")]
    public TimeSpan Lease { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>The time for gateways to learn of a challenge that they cannot answer from the first account alone; 0
    /// to 1 min, default 2 s, which is the promised limit of the bus.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:01:00")]
    public TimeSpan ChallengeHeadStart { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long attempts stay in a name's timeline, and expired certificates are kept; 1 d to 3650 d, default
    /// 180 d: four renewals of certificates of 45 days.</summary>
    [Range(typeof(TimeSpan), "1.00:00:00", "3650.00:00:00")]
    public TimeSpan KeepAttempts { get; set; } = TimeSpan.FromDays(180);

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!string.IsNullOrEmpty(Contact)
            && (!MailAddress.TryCreate(Contact, out var mail) || mail.Address != Contact))
        {
            yield return new($"got \"{Contact}\", takes one e-mail address without a name", [nameof(Contact)]);
        }

        // A value outside its own range gets only that error.
        if (RequestTimeout <= TimeSpan.FromMinutes(5) && Lease < LongestOrder + (2 * RequestTimeout))
        {
            yield return new(
                $"got {Lease}, takes at least {nameof(LongestOrder)} and two {nameof(RequestTimeout)} together",
                [nameof(Lease)]);
        }

        foreach (var host in Hosts.Where(host => !Links.HostName.TryParse(host, out _)))
        {
            yield return new($"got \"{host}\", takes host names without scheme or port", [nameof(Hosts)]);
        }

        foreach (var twice in Authorities.GroupBy(authority => authority.Directory, StringComparer.OrdinalIgnoreCase)
            .Where(group => group.Key.Length > 0 && group.Skip(1).Any()))
        {
            yield return new($"got \"{twice.Key}\" more than once, takes each directory once", [nameof(Authorities)]);
        }
    }
}

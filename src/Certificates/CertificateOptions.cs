using System.ComponentModel.DataAnnotations;
using System.Net.Mail;

namespace Tracking.Certificates;

/// <summary>Where certificates come from: <c>Tracking__Certificates__…</c>.</summary>
public sealed class CertificateOptions : IValidatableObject
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Certificates";

    /// <summary>The certificate authorities, in the order in which they are asked. Default none: no certificates are
    /// ordered.</summary>
    public IList<AuthoritySettings> Authorities { get; } = [];

    /// <summary>Whether the operator accepts the terms of service of all authorities above. Default off: where there
    /// are terms, no account is made.</summary>
    public bool AcceptTermsOfService { get; set; }

    /// <summary>An e-mail address that authorities may write to. Not set: none; Let's Encrypt sends nothing any
    /// more.</summary>
    public string? Contact { get; set; }

    /// <summary>The longest that a request to an authority takes with all its repetitions; 1 s to 5 min, default 30 s:
    /// authorities answer within one, and under load within ten.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Bytes that an answer may have; 64 KiB to 16 MiB, default 1 MiB: a chain of ten certificates has
    /// 20 kB.</summary>
    [Range(65_536, 16 * 1_048_576)]
    public int MaxAnswerBytes { get; set; } = 1_048_576;

    /// <summary>How often a request is sent that is refused for its nonce; 1 to 100, default 20: a fresh nonce is
    /// refused where several servers stand behind one address and hear of it late.</summary>
    [Range(1, 100)]
    public int NonceAttempts { get; set; } = 20;

    /// <summary>How long a nonce is kept; 1 s to 1 h, default 5 min: authorities forget them after some thousand
    /// others, or when they are restarted.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan NonceAge { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Hosts of the operator's own that want certificates beside the system host: the console's, for example.
    /// Default none.</summary>
    public IList<string> Hosts { get; } = [];

    /// <summary>How often those hosts and the system host are asked over TLS as anybody asks; 1 min to 1 d, default 1
    /// h: what has stopped to work is asked every 5 min.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "1.00:00:00")]
    public TimeSpan ProbeInterval { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Whether a name is looked at as an authority will before anything is ordered for it. Default on: a
    /// failed attempt at an authority counts against its limits, our own look does not.</summary>
    public bool CheckBeforeOrder { get; set; } = true;

    /// <summary>The longest that our own look at one address of a name takes; 100 ms to 1 min, default 10 s: Let's
    /// Encrypt waits ten.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan CheckTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The port of http-01, 1 to 65535. Default 80, which every authority asks (RFC 8555 §8.3); another one is
    /// for laboratories.</summary>
    [Range(1, 65535)]
    public int HttpPort { get; set; } = 80;

    /// <summary>The port of tls-alpn-01, 1 to 65535. Default 443, which every authority asks (RFC 8737 §3); another one
    /// is for laboratories.</summary>
    [Range(1, 65535)]
    public int TlsPort { get; set; } = 443;

    /// <summary>Names that one process works on at a time, 1 to 1000, default 16: an order takes seconds, nearly all of
    /// them waiting.</summary>
    [Range(1, 1000)]
    public int OrdersAtOnce { get; set; } = 16;

    /// <summary>How often it is looked for names that are due without being called; 100 ms to 1 min, default
    /// 1 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan LookInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest that a process works on one order before it lets others go first; 10 s to 30 min, default
    /// 2 min: authorities take seconds.</summary>
    [Range(typeof(TimeSpan), "00:00:10", "00:30:00")]
    public TimeSpan LongestOrder { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>How long a name is one process's; 1 min to 1 h, default 5 min: longer than
    /// <see cref="LongestOrder"/> with the requests before and behind it. After a process died its orders go on so much
    /// later.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "01:00:00")]
    public TimeSpan Lease { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How long gateways have to hear of a challenge that they cannot answer from the first account alone; 0
    /// to 1 min, default 2 s: what the bus promises.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:01:00")]
    public TimeSpan ChallengeHeadStart { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long attempts are shown in a name's timeline, and expired certificates are kept; 1 d to 3650 d,
    /// default 180 d: four renewals of certificates of 45 days.</summary>
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

        // A time that is out of its own range is told alone.
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

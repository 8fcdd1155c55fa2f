using System.ComponentModel.DataAnnotations;
using Tracking.Rewrite.Doors;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.SmtpFilter;

/// <summary>Settings of the SMTP filter: <c>Tracking__SmtpFilter__…</c>.</summary>
public sealed class SmtpFilterOptions : IValidatableObject
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "SmtpFilter";

    /// <summary>The address for the MTA: an IP address with a port, as in <c>127.0.0.1:10025</c>. Default none: the
    /// filter is off.</summary>
    public string? Listen { get; set; }

    /// <summary>The SMTP server that gets the rewritten messages: a host or an IP address with a port, as in
    /// <c>127.0.0.1:10026</c>. Required with <see cref="Listen"/>.</summary>
    public string? NextHop { get; set; }

    /// <summary>The name in the greeting, and in <c>EHLO</c> to the next hop. The next hop writes it into
    /// <c>Received</c>, and the filter recognises its own messages by it, so no other server may have it. Default:
    /// <c>tracking-filter.</c> and the machine's name.</summary>
    public string? Name { get; set; }

    /// <summary>Clients that may connect: addresses or CIDR ranges. Default: this machine (<c>127.0.0.0/8</c>,
    /// <c>::1</c>), because the next hop usually relays for the filter, and so for each client of the filter.</summary>
    public IList<string> Clients { get; } = [];

    /// <summary>A PEM file with the certificate for STARTTLS and its chain. Default none: no STARTTLS. The file is read
    /// again when it has changed.</summary>
    public string? CertificateFile { get; set; }

    /// <summary>A PEM file with the key of <see cref="CertificateFile"/>. Default: the same file.</summary>
    public string? CertificateKeyFile { get; set; }

    /// <summary>Refuses messages without TLS. Off by default. It requires <see cref="CertificateFile"/>.</summary>
    public bool RequireTls { get; set; }

    /// <summary>Passes <c>AUTH</c> to the next hop, which decides. It is offered only if the next hop offers it, and
    /// only over TLS or to clients on this machine. Off by default.</summary>
    public bool ForwardAuth { get; set; }

    /// <summary>The largest message, in bytes; 64 kB to 1 GB, default 64 MiB as <c>Rewrite:MaxMessageBytes</c>. The
    /// filter offers this or the next hop's limit, whichever is smaller.</summary>
    [Range(65_536, 1 << 30)]
    public int MaxMessageBytes { get; set; } = 64 << 20;

    /// <summary>Bytes of messages that the filter holds at the same time; further ones are answered with 451. 1 MiB to
    /// 1 TiB and at least <see cref="MaxMessageBytes"/>, default 256 MiB: four messages of the largest size, or
    /// thousands of typical newsletters. Rewriting takes two to three times a message's size.</summary>
    [Range(1L << 20, 1L << 40)]
    public long MaxBytesAtOnce { get; set; } = 256L << 20;

    /// <summary>Connections at the same time; further ones wait until one is free. 1 to 10,000, default 200: ten MTAs
    /// with Postfix's default of 20 connections to one destination.</summary>
    [Range(1, 10_000)]
    public int MaxConnections { get; set; } = 200;

    /// <summary>Recipients of one message; 100 to 100,000, default 1,000, which is Postfix's default too. RFC 5321
    /// 4.5.3.1.8 requires 100. Further recipients are answered with 452, and the MTA sends them with the next
    /// message.</summary>
    [Range(100, 100_000)]
    public int MaxRecipients { get; set; } = 1_000;

    /// <summary>The longest command, in bytes; 512 to 65,536, default 4,096. RFC 5321 4.5.3.1.4 gives a command 512,
    /// and extensions add to it: DSN up to 500 (RFC 3461), SMTPUTF8 and others less. A longer line is answered with
    /// 500.</summary>
    [Range(512, 65_536)]
    public int MaxCommandBytes { get; set; } = 4_096;

    /// <summary>Refused commands after which the filter closes the connection; 1 to 1,000, default 20, which is
    /// Postfix's <c>smtpd_hard_error_limit</c>. What the next hop refuses does not count.</summary>
    [Range(1, 1_000)]
    public int MaxErrors { get; set; } = 20;

    /// <summary>How often a message may pass the filter before it counts as a loop and is answered with 451; 1 to 20,
    /// default 3: an address that forwards to another user of the same MTA makes two.</summary>
    [Range(1, 20)]
    public int MaxPasses { get; set; } = 3;

    /// <summary>The longest wait for a command; 10 s to 30 min, default 5 min (RFC 5321 4.5.3.2.7).</summary>
    [Range(typeof(TimeSpan), "00:00:10", "00:30:00")]
    public TimeSpan CommandTimeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>The longest time for the arrival of a message; 10 s to 1 h, default 10 min: RFC 5321 4.5.3.2.5 gives a
    /// block 3 min, and 64 MiB arrive in 10 min at 1 Mbit/s.</summary>
    [Range(typeof(TimeSpan), "00:00:10", "01:00:00")]
    public TimeSpan MessageTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>The longest wait for the connection to the next hop; 1 s to 5 min, default 30 s, which is Postfix's
    /// <c>smtp_connect_timeout</c>.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest wait for an answer of the next hop; 10 s to 30 min, default 10 min: RFC 5321 4.5.3.2.6
    /// gives the answer to a message that time.</summary>
    [Range(typeof(TimeSpan), "00:00:10", "00:30:00")]
    public TimeSpan AnswerTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary><see cref="Name"/> or its default.</summary>
    internal string OwnName => string.IsNullOrWhiteSpace(Name)
        ? $"tracking-filter.{Environment.MachineName.ToLowerInvariant()}"
        : Name.Trim();

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var failure in AddressRanges.Failures(nameof(Clients), Clients))
        {
            yield return failure;
        }

        if (!string.IsNullOrEmpty(Listen) && !DoorAddress.TryParse(Listen, out _))
        {
            yield return new ValidationResult($"got \"{Listen}\", {DoorAddress.Takes}", [nameof(Listen)]);
        }

        if (!string.IsNullOrEmpty(NextHop)
            ? !DoorAddress.TryParseHost(NextHop, out _, out _)
            : !string.IsNullOrEmpty(Listen))
        {
            yield return new ValidationResult($"got \"{NextHop}\", takes HOST:PORT", [nameof(NextHop)]);
        }

        if (OwnName.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            yield return new ValidationResult($"got \"{Name}\", takes a host name", [nameof(Name)]);
        }

        if (RequireTls && string.IsNullOrEmpty(CertificateFile))
        {
            yield return new ValidationResult(
                $"got \"True\", takes false without {nameof(CertificateFile)}", [nameof(RequireTls)]);
        }

        if (MaxBytesAtOnce < MaxMessageBytes)
        {
            yield return new ValidationResult(
                $"got \"{MaxBytesAtOnce}\", takes at least {nameof(MaxMessageBytes)}, which is {MaxMessageBytes}",
                [nameof(MaxBytesAtOnce)]);
        }
    }
}

using System.ComponentModel.DataAnnotations;
using MimeKit;

namespace Tracking.DomainVerifier.Notices;

/// <summary>Mail to the people of a cluster about its tracking domains: <c>Tracking__Notices__…</c>.</summary>
public sealed class NoticeOptions : IValidatableObject
{
    /// <summary>The configuration section.</summary>
    public const string Section = "Notices";

    /// <summary>The mail server that takes notices: <c>smtp://user:password@host:port</c>, with STARTTLS when it offers
    /// it, or <c>smtps://…</c>, with TLS from the start. User and password percent-encoded; both may be left out.
    /// Without a port: 465 for smtps, 587 with a user, else 25. Not set: no mail, notices are in the log and on the bus
    /// alone.</summary>
    [DataType(DataType.Password)]
    public string? Smtp { get; set; }

    /// <summary>The sender of notices: an address, with a name or without (<c>Tracking
    /// &lt;noreply@example.com&gt;</c>). Its domain stands in the Message-ID. Needed with <see cref="Smtp"/>.</summary>
    public string? From { get; set; }

    /// <summary>The address of the console for links in notices, <c>https://tracking.example.com</c>. Not set: notices
    /// have no link.</summary>
    public Uri? ConsoleUrl { get; set; }

    /// <summary>A PEM file with the root certificates that the mail server's own certificate is checked against. Not
    /// set: those of the machine.</summary>
    public string? RootCertificates { get; set; }

    /// <summary>The longest that one step with the mail server may take, 1 s to 10 min, default 30 s. RFC 5321 4.5.3.2
    /// allows it minutes, but others wait behind it.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan SmtpTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The pause before the second attempt, 1 s to 1 h, default 1 min; it doubles each time.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan FirstRetry { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>The longest pause between attempts, 1 s to 1 day, default 1 h: a warning is worth something for a day
    /// only.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan LongestRetry { get; set; } = TimeSpan.FromHours(1);

    /// <summary>After this time mail is no longer tried, 1 min to 30 days, default 5 days, as mail servers do
    /// (RFC 5321 4.5.4.1). It is logged as an error.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "30.00:00:00")]
    public TimeSpan GiveUpAfter { get; set; } = TimeSpan.FromDays(5);

    /// <summary>How often the database is asked for notices when nobody calls, 100 ms to 5 min, default 5 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:05:00")]
    public TimeSpan LookInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a notice belongs to the process that took it, 1 min to 1 h, default 5 min; each recipient who
    /// has it begins the time anew. At least five times <see cref="SmtpTimeout"/>: the steps of one
    /// message.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "01:00:00")]
    public TimeSpan Lease { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How long notices that everybody has are kept, 1 hour to 365 days, default 30 days.</summary>
    [Range(typeof(TimeSpan), "01:00:00", "365.00:00:00")]
    public TimeSpan KeptFor { get; set; } = TimeSpan.FromDays(30);

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!string.IsNullOrEmpty(Smtp))
        {
            if (SmtpAddress.Parse(Smtp) is null)
            {
                yield return new ValidationResult(
                    "got ***, takes smtp://user:password@host:port or smtps://…, user and password percent-encoded",
                    [nameof(Smtp)]);
            }

            if (string.IsNullOrWhiteSpace(From))
            {
                yield return new ValidationResult($"missing, needed with {nameof(Smtp)}", [nameof(From)]);
            }
        }

        if (!string.IsNullOrWhiteSpace(From)
            && !(MailboxAddress.TryParse(From, out var from) && from.Address.Contains('@', StringComparison.Ordinal)))
        {
            yield return new ValidationResult(
                $"got \"{From}\", takes an address, for instance Tracking <noreply@example.com>", [nameof(From)]);
        }

        if (ConsoleUrl is not null
            && !(ConsoleUrl.IsAbsoluteUri && ConsoleUrl.Scheme is "https" or "http" && ConsoleUrl.Query.Length == 0))
        {
            yield return new ValidationResult(
                $"got \"{ConsoleUrl}\", takes an address like https://tracking.example.com", [nameof(ConsoleUrl)]);
        }

        if (!string.IsNullOrEmpty(RootCertificates) && !File.Exists(RootCertificates))
        {
            yield return new ValidationResult(
                $"got \"{RootCertificates}\", takes a PEM file that exists", [nameof(RootCertificates)]);
        }

        if (Lease < 5 * SmtpTimeout)
        {
            yield return new ValidationResult(
                $"got \"{Lease:c}\", takes at least five times {nameof(SmtpTimeout)} ({5 * SmtpTimeout:c})",
                [nameof(Lease)]);
        }
    }
}

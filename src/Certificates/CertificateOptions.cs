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

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!string.IsNullOrEmpty(Contact)
            && (!MailAddress.TryCreate(Contact, out var mail) || mail.Address != Contact))
        {
            yield return new($"got \"{Contact}\", takes one e-mail address without a name", [nameof(Contact)]);
        }

        foreach (var twice in Authorities.GroupBy(authority => authority.Directory, StringComparer.OrdinalIgnoreCase)
            .Where(group => group.Key.Length > 0 && group.Skip(1).Any()))
        {
            yield return new($"got \"{twice.Key}\" more than once, takes each directory once", [nameof(Authorities)]);
        }
    }
}

using System.Security.Cryptography;

namespace Tracking.Certificates.Acme;

/// <summary>When an authority wants a certificate to be renewed (RFC 9773 §4.2).</summary>
/// <param name="Start">The beginning of the renewal window.</param>
/// <param name="End">The end of the renewal window; after <paramref name="Start"/>.</param>
/// <param name="ExplanationUrl">A page that explains the window.</param>
/// <param name="AskAgainAfter">The pause before the next question: 1 min to 1 d.</param>
public sealed record RenewalInformation(
    DateTimeOffset Start, DateTimeOffset End, Uri? ExplanationUrl, TimeSpan AskAgainAfter)
{
    /// <summary>The shortest pause, 1 min. A shorter pause would cause constant requests (RFC 9773 §4.3.2).</summary>
    public static readonly TimeSpan Soonest = TimeSpan.FromMinutes(1);

    /// <summary>The longest pause, 1 d. A longer pause could miss the notice that a certificate will be revoked
    /// tomorrow (RFC 9773 §4.3.2).</summary>
    public static readonly TimeSpan Latest = TimeSpan.FromDays(1);

    /// <summary>The pause if the authority names none, 6 h (RFC 9773 §4.3.3).</summary>
    public static readonly TimeSpan Usual = TimeSpan.FromHours(6);

    /// <summary>A random instant in the window. The caller chooses once and stores the instant. Choosing again at each
    /// check would move renewals towards the end of the window.</summary>
    public DateTimeOffset ChooseInstant()
    {
        Span<byte> random = stackalloc byte[sizeof(ulong)];
        RandomNumberGenerator.Fill(random);
        var part = BitConverter.ToUInt64(random) / (ulong.MaxValue + 1.0);
        return Start + (part * (End - Start));
    }

    internal static AcmeOutcome<RenewalInformation> Read(AcmeAnswer answer) =>
        answer.Read(AcmeJson.Default.RenewalInformationJson).Then<RenewalInformation>(json =>
            json.SuggestedWindow is { Start: { } start, End: { } end } && start < end
                ? new RenewalInformation(
                    start.ToUniversalTime(), end.ToUniversalTime(), ReadProblem.Link(json.ExplanationUrl),
                    Clamp(answer.RetryAfter ?? Usual))
                : answer.NotAcme("the renewal window is missing or ends before it starts"));

    private static TimeSpan Clamp(TimeSpan pause) => pause < Soonest ? Soonest : pause > Latest ? Latest : pause;
}

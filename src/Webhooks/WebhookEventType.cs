namespace Tracking.Webhooks;

/// <summary>The type of a webhook's event. The numbers are stored in <c>webhooks.deliveries</c> and never
/// change.</summary>
public enum WebhookEventType : short
{
    /// <summary><c>message.opened</c>: an open pixel was fetched.</summary>
    MessageOpened = 0,

    /// <summary><c>message.clicked</c>: a link was followed.</summary>
    MessageClicked = 1,

    /// <summary><c>tracking_domain.verified</c>: a name is active, or a warning about it is over.</summary>
    TrackingDomainVerified = 2,

    /// <summary><c>tracking_domain.warned</c>: a first check found the record gone.</summary>
    TrackingDomainWarned = 3,

    /// <summary><c>tracking_domain.lost</c>: a name is pending again, and its links have stopped working.</summary>
    TrackingDomainLost = 4,

    /// <summary><c>certificate.issued</c>: a name has a new certificate.</summary>
    CertificateIssued = 5,

    /// <summary><c>certificate.endangered</c>: a certificate expires soon and could not be renewed.</summary>
    CertificateEndangered = 6,

    /// <summary><c>webhook.test</c>: a requested test; never filtered.</summary>
    Test = 7,

    /// <summary><c>message.event_reclassified</c>: later evidence changed the verdict on a click or open.</summary>
    MessageEventReclassified = 8,
}

/// <summary>The names of event types, and the patterns that select them.</summary>
public static class WebhookEventTypes
{
    private static readonly (WebhookEventType Type, string Name)[] _names =
    [
        (WebhookEventType.MessageOpened, "message.opened"),
        (WebhookEventType.MessageClicked, "message.clicked"),
        (WebhookEventType.MessageEventReclassified, "message.event_reclassified"),
        (WebhookEventType.TrackingDomainVerified, "tracking_domain.verified"),
        (WebhookEventType.TrackingDomainWarned, "tracking_domain.warned"),
        (WebhookEventType.TrackingDomainLost, "tracking_domain.lost"),
        (WebhookEventType.CertificateIssued, "certificate.issued"),
        (WebhookEventType.CertificateEndangered, "certificate.endangered"),
        (WebhookEventType.Test, "webhook.test"),
    ];

    /// <summary>The permitted names, and a pattern for each group.</summary>
    public static IReadOnlyList<string> Patterns { get; } =
    [
        .. Choosable().Select(known => known.Name),
        .. Choosable().Select(known => GroupOf(known.Name) + ".*").Distinct(StringComparer.Ordinal),
    ];

    /// <summary>Every name with its type.</summary>
    public static IReadOnlyList<(string Word, WebhookEventType Value)> Words { get; } =
        [.. _names.Select(known => (known.Name, known.Type))];

    /// <summary>The name in the member <c>type</c>: groups separated by dots, as in Standard Webhooks.</summary>
    public static string NameOf(WebhookEventType type) => Array.Find(_names, known => known.Type == type).Name
        ?? throw new ArgumentOutOfRangeException(nameof(type), type, "This is no event type.");

    /// <summary>The types that patterns select, one bit per type by its number.</summary>
    /// <param name="patterns">Names, or groups with <c>.*</c>. No pattern selects every type.</param>
    public static int BitsOf(IReadOnlyCollection<string> patterns)
    {
        ArgumentNullException.ThrowIfNull(patterns);
        var bits = 1 << (int)WebhookEventType.Test;
        foreach (var (type, name) in _names)
        {
            if (patterns.Count == 0 || patterns.Any(pattern => IsMatch(pattern, name)))
            {
                bits |= 1 << (int)type;
            }
        }

        return bits;
    }

    private static IEnumerable<(WebhookEventType Type, string Name)> Choosable() =>
        _names.Where(known => known.Type != WebhookEventType.Test);

    private static bool IsMatch(string pattern, string name) =>
        pattern == name || (pattern.EndsWith(".*", StringComparison.Ordinal) && pattern[..^2] == GroupOf(name));

    private static string GroupOf(string name) => name[..name.IndexOf('.', StringComparison.Ordinal)];
}

/// <summary>Why an endpoint is disabled.</summary>
public enum DisabledReason : short
{
    /// <summary>A user disabled it.</summary>
    Asked = 0,

    /// <summary>The receiver answered 410 Gone, so it wants no more webhooks.</summary>
    Gone = 1,

    /// <summary>Every attempt failed for as long as <see cref="WebhookOptions.DisableAfter"/>.</summary>
    Failing = 2,
}

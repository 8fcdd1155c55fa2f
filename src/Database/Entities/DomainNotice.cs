using Tracking.Links;

namespace Tracking.Database.Entities;

/// <summary>What a notice tells.</summary>
public enum NoticeKind
{
    /// <summary>A check proved the record gone; links stop if the next one does too.</summary>
    Warning,

    /// <summary>Links have stopped.</summary>
    Lost,

    /// <summary>The record is right again.</summary>
    Recovered,

    /// <summary>A certificate could not be renewed so far.</summary>
    CertificateInDanger,

    /// <summary>A parent's site makes browsers open the name by https alone, and mail with http links on it is
    /// out.</summary>
    HttpsForced,
}

/// <summary>Something to be told of a tracking domain, by mail and on the bus, once.</summary>
public sealed class DomainNotice
{
    /// <summary>UUIDv7; the id of the bus event and part of the mail's Message-ID.</summary>
    public required Guid Id { get; init; }

    /// <summary>Whose domain.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>The domain.</summary>
    public required string Hostname { get; init; }

    /// <summary>What it tells.</summary>
    public required NoticeKind Kind { get; init; }

    /// <summary>When it happened.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The facts, JSON.</summary>
    public required string Facts { get; init; }

    /// <summary>Recipients that have it.</summary>
    public string[] MailedTo { get; set; } = [];

    /// <summary>When every recipient had it.</summary>
    public DateTimeOffset? MailedAt { get; set; }

    /// <summary>When it was on the bus.</summary>
    public DateTimeOffset? PublishedAt { get; set; }

    /// <summary>When webhooks were made of it.</summary>
    public DateTimeOffset? WebhooksAt { get; set; }

    /// <summary>Tries so far.</summary>
    public int Attempts { get; set; }

    /// <summary>When it is tried next.</summary>
    public DateTimeOffset NextAttemptAt { get; set; }

    /// <summary>What the last try failed of.</summary>
    public string? LastError { get; set; }

    /// <summary>The process at work on it.</summary>
    public Guid? LeasedBy { get; set; }

    /// <summary>Until when it is that one's.</summary>
    public DateTimeOffset? LeasedUntil { get; set; }
}

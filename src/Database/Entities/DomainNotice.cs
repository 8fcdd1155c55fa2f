using Tracking.Links;

namespace Tracking.Database.Entities;

/// <summary>The kinds of notices.</summary>
public enum NoticeKind
{
    /// <summary>A check proved the record gone. Links stop working if the next check proves it too.</summary>
    Warning,

    /// <summary>Links have stopped working.</summary>
    Lost,

    /// <summary>The record is right again.</summary>
    Recovered,

    /// <summary>A certificate could not be renewed yet.</summary>
    CertificateInDanger,

    /// <summary>A parent name makes browsers open the name by https only (HSTS), the name has no certificate, and mail
    /// with http links on the name was sent: browsers refuse these links.</summary>
    HttpsForced,
}

/// <summary>A notice about a tracking domain, sent once by mail and once on the bus.</summary>
public sealed class DomainNotice
{
    /// <summary>UUIDv7; the id of the bus event and part of the mail's Message-ID.</summary>
    public required Guid Id { get; init; }

    /// <summary>The domain's cluster.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>The domain.</summary>
    public required string Hostname { get; init; }

    /// <summary>The kind of notice.</summary>
    public required NoticeKind Kind { get; init; }

    /// <summary>When the event happened.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The facts, JSON.</summary>
    public required string Facts { get; init; }

    /// <summary>The recipients that have got the mail.</summary>
    public string[] MailedTo { get; set; } = [];

    /// <summary>When the last recipient got the mail.</summary>
    public DateTimeOffset? MailedAt { get; set; }

    /// <summary>When the notice was published on the bus.</summary>
    public DateTimeOffset? PublishedAt { get; set; }

    /// <summary>When its webhook deliveries were written.</summary>
    public DateTimeOffset? WebhooksAt { get; set; }

    /// <summary>The number of attempts.</summary>
    public int Attempts { get; set; }

    /// <summary>The time of the next attempt.</summary>
    public DateTimeOffset NextAttemptAt { get; set; }

    /// <summary>Why the last attempt failed.</summary>
    public string? LastError { get; set; }

    /// <summary>The process that holds the lease.</summary>
    public Guid? LeasedBy { get; set; }

    /// <summary>The end of that lease.</summary>
    public DateTimeOffset? LeasedUntil { get; set; }
}

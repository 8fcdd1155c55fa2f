using System.Text.Json.Nodes;
using Tracking.Database.Entities;
using Tracking.Management.Console.Texts;
using Tracking.Management.Domains;

namespace Tracking.Management.Console.Parts;

/// <summary>A tracking domain as the console shows it.</summary>
public sealed class DomainView
{
    private readonly DateTimeOffset _now;

    internal DomainView(TrackingDomain domain, DescribeDomain describe, ShowTime times)
    {
        (Domain, Answer, _now) = (domain, describe.Of(domain), times.Now);
        Findings = [.. (Answer.LastCheck?["findings"] as JsonArray ?? []).OfType<JsonObject>()];
        Hops = [.. (Answer.LastCheck?["hops"] as JsonArray ?? []).OfType<JsonObject>()];
        (Tone, Word) = State(times);
    }

    internal TrackingDomain Domain { get; }

    internal TrackingDomainResponse Answer { get; }

    internal IReadOnlyList<JsonObject> Findings { get; }

    internal IReadOnlyList<JsonObject> Hops { get; }

    /// <summary>good, wait or bad.</summary>
    public string Tone { get; }

    /// <summary>Its state in a few words.</summary>
    public string Word { get; }

    internal string? Provider => Text(Answer.LastCheck as JsonObject, "provider");

    /// <summary>The first finding's few words.</summary>
    internal string Finding => Words.Domain.Finding(Findings.Count == 0 ? null : Text(Findings[0], "code"));

    internal NewLinks NewLinks => Answer.Why switch
    {
        null => NewLinks.Accepted,
        "retired" => NewLinks.Retired,
        "no-certificate" => NewLinks.NoCertificate,
        _ => NewLinks.Pending,
    };

    internal bool IsActive => Domain.Status == DomainStatus.Active;

    internal bool IsRight => IsActive && Domain.Strikes == 0;

    internal Words.TlsWord Tls => Enum.Parse<Words.TlsWord>(Answer.Tls.Status.ToString());

    internal int DaysLeft => (int)Math.Max(0, Math.Floor(((Answer.Tls.NotAfter ?? _now) - _now).TotalDays));

    /// <summary>When links stop if nobody acts: a day after the first strike.</summary>
    internal DateTimeOffset? WarnedUntil => IsActive && Domain.Strikes > 0 ? Domain.StruckAt?.AddDays(1) : null;

    /// <summary>A text of a finding or a question; <see langword="null"/> where there is none.</summary>
    internal static string? Text(JsonObject? json, string name) =>
        json?[name] is JsonValue value && value.TryGetValue<string>(out var text) && text.Length != 0 ? text : null;

    /// <summary>A moment of a finding or a question.</summary>
    internal static DateTimeOffset? Time(JsonObject json, string name) =>
        json[name] is JsonValue value && value.TryGetValue<DateTimeOffset>(out var time) ? time : null;

    private (string Tone, string Word) State(ShowTime times)
    {
        if (!IsActive)
        {
            return Domain.VerifiedAt is null
                ? ("wait", Finding) : ("bad", Words.Domain.Stopped(times.Moment(Domain.StatusSince)));
        }

        if (Domain.Strikes > 0)
        {
            return ("wait", Finding);
        }

        return NewLinks switch
        {
            NewLinks.Retired => ("", Words.Domain.StillAnswers),
            NewLinks.NoCertificate => ("wait", Words.Domain.CertificateOnItsWay),
            _ => ("good", Domain.IsDefault ? Words.Domain.UsedForNew : Words.Domain.Ready),
        };
    }
}

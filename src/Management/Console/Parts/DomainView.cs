using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Management.Console.Texts;
using Tracking.Management.Domains;

namespace Tracking.Management.Console.Parts;

/// <summary>A tracking domain as the console shows it.</summary>
public sealed class DomainView
{
    private readonly DateTimeOffset _now;

    internal DomainView(TrackingDomain domain, TrackingDomainResponse answer, ShowTime times)
    {
        (Domain, Answer, _now) = (domain, answer, times.Now);
        Findings = [.. (Answer.LastCheck?["findings"] as JsonArray ?? []).OfType<JsonObject>()];
        Hops = [.. (Answer.LastCheck?["hops"] as JsonArray ?? []).OfType<JsonObject>()];
        (Tone, Word) = State(times);
    }

    internal TrackingDomain Domain { get; }

    internal TrackingDomainResponse Answer { get; }

    internal IReadOnlyList<JsonObject> Findings { get; }

    internal IReadOnlyList<JsonObject> Hops { get; }

    /// <summary>The tone of the state: good, wait, bad, or empty.</summary>
    public string Tone { get; }

    /// <summary>The state in a few words.</summary>
    public string Word { get; }

    internal string? Provider => Text(Answer.LastCheck as JsonObject, "provider");

    /// <summary>The short text of the first finding.</summary>
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

    /// <summary>The time at which links stop if the fault is not corrected: a day after the first strike.</summary>
    internal DateTimeOffset? WarnedUntil => IsActive && Domain.Strikes > 0 ? Domain.StruckAt?.AddDays(1) : null;

    /// <summary>The tracking domains of a cluster for the console.</summary>
    internal static async Task<List<DomainView>> OfAsync(
        TrackingDb db, IReadOnlyList<TrackingDomain> domains, IServiceProvider services, ShowTime times,
        CancellationToken cancellationToken) =>
        domains.Count == 0
            ? []
            : [.. (await services.GetRequiredService<DescribeDomain>()
                .OfAllAsync(db, domains[0].ClusterId, domains, cancellationToken))
                .Zip(domains, (answer, domain) => new DomainView(domain, answer, times))];

    /// <summary>A text in a finding or a DNS query; <see langword="null"/> if it is missing or empty.</summary>
    internal static string? Text(JsonObject? json, string name) =>
        json?[name] is JsonValue value && value.TryGetValue<string>(out var text) && text.Length != 0 ? text : null;

    /// <summary>A time in a finding or a DNS query.</summary>
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

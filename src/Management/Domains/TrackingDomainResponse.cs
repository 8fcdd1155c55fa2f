using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Management.Domains;

/// <summary>The one record that makes a name a tracking domain: it proves whose the name is, and leads recipients
/// here.</summary>
/// <param name="Type">CNAME.</param>
/// <param name="Name">The record's name.</param>
/// <param name="Value">The record's value: a name that is this tracking domain's alone.</param>
/// <param name="RelativeName">The record's name as forms take it that append the zone by themselves, as most
/// do.</param>
/// <param name="Zone">The zone that such a form appends.</param>
internal sealed record VerificationRecord(string Type, string Name, string Value, string RelativeName, string Zone);

/// <summary>A tracking domain in an answer.</summary>
/// <param name="Hostname">The name, A-labels.</param>
/// <param name="Unicode">The name as people read it.</param>
/// <param name="Status">pending: the record is not verified, no links are served. active: it is.</param>
/// <param name="StatusSince">When the status began.</param>
/// <param name="Retired">Old links are served, no new ones are made.</param>
/// <param name="IsDefault">Used for messages of the cluster that name no tracking host.</param>
/// <param name="SetAsDefault">Becomes the default when it is verified.</param>
/// <param name="AcceptsNewLinks">Whether new links may use it.</param>
/// <param name="Why">Why new links may not use it: pending, retired or no-certificate; null if they may.</param>
/// <param name="Sentence">The same for people, in one sentence or two.</param>
/// <param name="TrackClicks">Whether clicks are tracked on it.</param>
/// <param name="TrackOpens">Whether opens are tracked on it.</param>
/// <param name="Https">required or optional.</param>
/// <param name="ExcludedDomains">Destinations that stay plain on it.</param>
/// <param name="TrackingLevel">How much is kept of who follows its links; the cluster's level where that is
/// stricter.</param>
/// <param name="Utm">UTM parameters of links on it, over those of the cluster; empty for none.</param>
/// <param name="Verification">The record to make at the DNS provider.</param>
/// <param name="Tls">Its certificate.</param>
/// <param name="LastCheck">What DNS said last, with findings and every question; null before the first check.</param>
/// <param name="LastCheckedAt">When the last check was.</param>
/// <param name="NextCheck">When the next check is due; null if only a request causes one.</param>
/// <param name="Strikes">Checks in a row that proved the record gone; at the second it becomes pending.</param>
/// <param name="CreatedAt">When it was added.</param>
internal sealed record TrackingDomainResponse(
    string Hostname,
    string Unicode,
    DomainStatus Status,
    DateTimeOffset StatusSince,
    bool Retired,
    bool IsDefault,
    bool SetAsDefault,
    bool AcceptsNewLinks,
    string? Why,
    string Sentence,
    bool TrackClicks,
    bool TrackOpens,
    HttpsPolicy Https,
    IReadOnlyList<string> ExcludedDomains,
    TrackingLevel TrackingLevel,
    string Utm,
    VerificationRecord Verification,
    TlsState Tls,
    JsonNode? LastCheck,
    DateTimeOffset? LastCheckedAt,
    DateTimeOffset? NextCheck,
    int Strikes,
    DateTimeOffset CreatedAt);

/// <summary>Makes API answers from stored tracking domains.</summary>
internal sealed class DescribeDomain(IOptions<SystemOptions> system, TimeProvider time)
{
    /// <summary>A domain in the form of an answer.</summary>
    public async Task<TrackingDomainResponse> OfAsync(
        TrackingDb db, TrackingDomain domain, CancellationToken cancellationToken) =>
        Of(domain, await CertificateFacts.ReadAsync(db, domain.ClusterId, [domain.Hostname], cancellationToken));

    /// <summary>Domains of a cluster as <see cref="OfAsync"/>, with one further query for all of them.</summary>
    public async Task<IReadOnlyList<TrackingDomainResponse>> OfAllAsync(
        TrackingDb db, ClusterId cluster, IReadOnlyList<TrackingDomain> domains, CancellationToken cancellationToken)
    {
        var facts = await CertificateFacts.ReadAsync(
            db, cluster, [.. domains.Select(domain => domain.Hostname)], cancellationToken);
        return [.. domains.Select(domain => Of(domain, facts))];
    }

    /// <summary>Domains of a cluster as <see cref="OfAsync"/>, without the questions to DNS of their last checks, which
    /// would be most of the answer.</summary>
    public async Task<IReadOnlyList<TrackingDomainResponse>> InListAsync(
        TrackingDb db, ClusterId cluster, IReadOnlyList<TrackingDomain> domains, CancellationToken cancellationToken)
    {
        var described = await OfAllAsync(db, cluster, domains, cancellationToken);
        return [.. described.Select(WithoutQuestions)];
    }

    /// <summary>The domain without the questions to DNS of its last check.</summary>
    internal static TrackingDomainResponse WithoutQuestions(TrackingDomainResponse domain)
    {
        (domain.LastCheck as JsonObject)?.Remove("hops");
        return domain;
    }

    /// <summary>The state of a domain's certificate.</summary>
    public TlsState TlsOf(TrackingDomain domain, CertificateFacts? facts) =>
        TlsState.Of(domain, facts, time.GetUtcNow(), system.Value.TlsEndsInFront);

    /// <summary>A domain in the form of an answer.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="certificates">The facts about certificates, by name.</param>
    internal TrackingDomainResponse Of(
        TrackingDomain domain, IReadOnlyDictionary<string, CertificateFacts> certificates)
    {
        _ = HostName.TryParse(domain.Hostname, out var host);
        var now = time.GetUtcNow();
        var tls = TlsOf(domain, certificates.GetValueOrDefault(domain.Hostname));
        var newLinks = domain.AcceptsNewLinks(now, system.Value.TlsEndsInFront);
        var check = domain.LastCheck is { } json ? JsonNode.Parse(json) : null;
        return new TrackingDomainResponse(
            domain.Hostname,
            host.ToUnicode(),
            domain.Status,
            domain.StatusSince,
            domain.IsRetired,
            domain.IsDefault,
            domain.WantsDefault,
            newLinks == NewLinks.Accepted,
            newLinks == NewLinks.Accepted ? null : JsonNamingPolicy.KebabCaseLower.ConvertName(newLinks.ToString()),
            Sentence(domain, newLinks, tls),
            domain.TrackClicks,
            domain.TrackOpens,
            domain.Https,
            domain.ExcludedDomains,
            domain.TrackingLevel,
            domain.Utm,
            new VerificationRecord(
                "CNAME",
                domain.Hostname,
                domain.Target,
                // The zone from DNS is used before the registered domain, because a zone may begin below it.
                Text(check, "nameToEnter") ?? TrackingDomainName.RelativeName(host),
                Text(check, "zone") ?? TrackingDomainName.Zone(host)),
            tls,
            check,
            domain.LastCheckedAt,
            domain.NextCheckAt,
            domain.Strikes,
            domain.CreatedAt);
    }

    private static string? Text(JsonNode? check, string member) =>
        check is JsonObject found && found[member] is JsonValue value && value.TryGetValue<string>(out var text)
            ? text
            : null;

    private string Sentence(TrackingDomain domain, NewLinks newLinks, TlsState tls)
    {
        var others = $"the cluster's default, or {system.Value.SystemHost}";
        return newLinks switch
        {
            NewLinks.Pending => $"New links do not use this name, and links on it do not work, until its record is "
                + $"verified. New links use {others}.",
            NewLinks.Retired => "New links do not use this name any more. Links on it go on working.",
            NewLinks.NoCertificate => $"New links use this name as soon as it has a certificate. Until then they use "
                + $"{others}.",
            _ => (domain.IsDefault
                    ? "New links use this name."
                    : "New links use this name where a message asks for it.")
                + (tls.Status is TlsStatus.Active or TlsStatus.External
                    ? ""
                    : " They are http until there is a certificate, and browsers warn before such pages."),
        };
    }
}

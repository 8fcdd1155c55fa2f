using System.ComponentModel.DataAnnotations;
using Tracking.Management.Console.Session;

namespace Tracking.Management.Console;

/// <summary>Settings of the web console: <c>Tracking__Console__…</c>.</summary>
public sealed class ConsoleOptions : IValidatableObject
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Console";

    /// <summary>How long an unused session lasts; 5 min to 30 days, default 12 h: a working day with its breaks. When a
    /// key is revoked, its sessions end within five seconds, whatever this value is.</summary>
    [Range(typeof(TimeSpan), "00:05:00", "30.00:00:00")]
    public TimeSpan SessionIdle { get; set; } = TimeSpan.FromHours(12);

    /// <summary>How long a session lasts at most, even if it is used; 5 min to 90 days, default 7 days: people enter
    /// the key again once a week.</summary>
    [Range(typeof(TimeSpan), "00:05:00", "90.00:00:00")]
    public TimeSpan SessionLongest { get; set; } = TimeSpan.FromDays(7);

    /// <summary>How often the service reads new events for live pages; 100 ms to 1 min, default 1 s. One read serves
    /// all live pages of a cluster, and without live pages nothing is read.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan LiveEvery { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The largest number of live pages of one cluster in this process; 1 to 10,000, default 100.</summary>
    [Range(1, 10_000)]
    public int MaxLive { get; set; } = 100;

    /// <summary>The addresses of the other services, such as <c>http://rewrite:8080</c>. The admin's page
    /// <em>Services</em> reads their <c>/health/ready</c>. Not set: the page shows only this process.</summary>
    public IList<string> Services { get; } = [];

    /// <summary>How long that page waits for each service; 100 ms to 30 s, default 3 s. A running service answers in
    /// milliseconds, or within two seconds if its database is unavailable.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:00:30")]
    public TimeSpan ServiceTimeout { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>The address of the Aspire dashboard, or of another page with the system's traces and metrics. That page
    /// links to it. Not set: no link.</summary>
    public string? Dashboard { get; set; }

    /// <summary>Sign-in by OpenID Connect.</summary>
    public OpenIdSettings OpenId { get; init; } = new();

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (OpenId.Authority is { } authority
            && (!Uri.TryCreate(authority, UriKind.Absolute, out var provider)
                || (provider.Scheme != "https" && !(provider.Scheme == "http" && provider.IsLoopback))))
        {
            yield return new ValidationResult(
                $"got '{authority}', takes an https address; http on this machine alone", [nameof(OpenId)]);
        }

        if (OpenId.Authority is not null && string.IsNullOrEmpty(OpenId.ClientId))
        {
            yield return new ValidationResult("takes a ClientId beside the Authority", [nameof(OpenId)]);
        }

        foreach (var address in Dashboard is null ? Services : [.. Services, Dashboard])
        {
            if (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
            {
                yield return new ValidationResult(
                    $"got '{address}', takes an http or https address", [nameof(Services), nameof(Dashboard)]);
            }
        }

        if (SessionLongest < SessionIdle)
        {
            yield return new ValidationResult(
                $"got {SessionLongest}, takes at least SessionIdle ({SessionIdle})", [nameof(SessionLongest)]);
        }
    }
}

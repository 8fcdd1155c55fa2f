using System.ComponentModel.DataAnnotations;

namespace Tracking.Management.Console;

/// <summary>Settings of the web console: <c>Tracking__Console__…</c>.</summary>
public sealed class ConsoleOptions : IValidatableObject
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Console";

    /// <summary>How long a session lasts that nobody uses; 5 min to 30 days, default 12 h: a working day with its
    /// breaks. A revoked key ends it within five seconds whatever this says.</summary>
    [Range(typeof(TimeSpan), "00:05:00", "30.00:00:00")]
    public TimeSpan SessionIdle { get; set; } = TimeSpan.FromHours(12);

    /// <summary>How long a session lasts at most, used or not; 5 min to 90 days, default 7 days: once a week the key is
    /// asked for again.</summary>
    [Range(typeof(TimeSpan), "00:05:00", "90.00:00:00")]
    public TimeSpan SessionLongest { get; set; } = TimeSpan.FromDays(7);

    /// <summary>How often live events are looked for; 100 ms to 1 min, default 1 s: once for all who watch a cluster, and
    /// only while somebody does.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan LiveEvery { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Live pages of one cluster at a time in this process; 1 to 10,000, default 100.</summary>
    [Range(1, 10_000)]
    public int MaxLive { get; set; } = 100;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (SessionLongest < SessionIdle)
        {
            yield return new ValidationResult(
                $"got {SessionLongest}, takes at least SessionIdle ({SessionIdle})", [nameof(SessionLongest)]);
        }
    }
}

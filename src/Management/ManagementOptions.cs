using System.ComponentModel.DataAnnotations;

namespace Tracking.Management;

/// <summary>Settings of the REST API: <c>Tracking__Management__…</c>.</summary>
public sealed class ManagementOptions
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Management";

    /// <summary>How long the answer to a change waits for this process to have read it back; 100 ms to 30 s, default
    /// 2 s: reading takes milliseconds, and whoever changes something should not wait longer than for a slow page. The
    /// change is stored either way.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:00:30")]
    public TimeSpan LongestReadBack { get; set; } = TimeSpan.FromSeconds(2);
}

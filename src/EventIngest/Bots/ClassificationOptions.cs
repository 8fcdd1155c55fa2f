using System.ComponentModel.DataAnnotations;

namespace Tracking.EventIngest.Bots;

/// <summary>How machines are told from people: <c>Tracking__Classification__…</c>.</summary>
public sealed class ClassificationOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = "Classification";

    /// <summary>User agents that are remembered with what is thought of them, 64 to 1,048,576, default 4,096: a campaign
    /// meets a few hundred different ones an hour. One takes about 1 kB.</summary>
    [Range(64, 1_048_576)]
    public int RememberedAgents { get; set; } = 4096;
}

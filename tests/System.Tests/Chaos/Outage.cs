using Tracking.Servers;

namespace Tracking.System.Tests.Chaos;

/// <summary>How long things are away: shortly in <c>./test</c>, as long as is promised in <c>./test
/// chaos</c>.</summary>
internal static class Outage
{
    private static readonly bool _isLong = Environment.GetEnvironmentVariable("TRACKING_CHAOS") == "long";

    /// <summary>How often a service is killed.</summary>
    public static int Kills => _isLong ? 10 : 2;

    /// <summary>Messages that a rewriter has before it when it is killed.</summary>
    public static int Burst => _isLong ? 2_000 : 500;

    /// <summary>Copies of a service that are restarted beside the edges: in the short form what clients wait
    /// for.</summary>
    public static int Copies => _isLong ? 3 : 1;

    /// <summary>A service or the cache that was killed or frozen.</summary>
    public static TimeSpan OfService => Seconds(_isLong ? 30 : 2);

    /// <summary>The broker, stopped or killed: once each.</summary>
    public static IReadOnlyList<TimeSpan> OfBroker => _isLong ? [Seconds(5), Seconds(60), Seconds(90)] : [Seconds(2)];

    /// <summary>The broker, frozen: longer than anybody waits for its confirmation.</summary>
    public static TimeSpan OfFrozenBroker => Seconds(_isLong ? 120 : 4);

    /// <summary>What is promised of the broker's return: everything flows again so soon. In the short form, which
    /// shares its machine with other tests, it is not held to the time.</summary>
    public static TimeSpan? LongestHeal => _isLong ? Seconds(30) : null;

    /// <summary>The database.</summary>
    public static TimeSpan OfDatabase => Seconds(_isLong ? 60 : 3);

    /// <summary>In the short form, what is given up or tried again is so soon.</summary>
    public static DeploymentShape Shape => _isLong ? new() : new()
    {
        Settings = new Dictionary<string, string> { ["Tracking__Messaging__ConfirmTimeout"] = "00:00:05" },
        EdgeSettings = new Dictionary<string, string>
        {
            ["Tracking__Edge__ResendAfter"] = "00:00:05",
            ["Tracking__Edge__ResendAtMost"] = "00:00:10",
        },
        IngestSettings = new Dictionary<string, string> { ["Tracking__EventIngest__LongestRetry"] = "00:00:02" },
    };

    private static TimeSpan Seconds(int seconds) => TimeSpan.FromSeconds(seconds);
}

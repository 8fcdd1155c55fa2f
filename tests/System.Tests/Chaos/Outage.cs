using Tracking.Servers;

namespace Tracking.System.Tests.Chaos;

/// <summary>The lengths of outages: short in <c>./test</c>, as long as promised in <c>./test chaos</c>.</summary>
internal static class Outage
{
    private static readonly bool _isLong = Environment.GetEnvironmentVariable("TRACKING_CHAOS") == "long";

    /// <summary>How often a service is killed.</summary>
    public static int Kills => _isLong ? 10 : 2;

    /// <summary>The number of queued messages when a rewriter is killed.</summary>
    public static int Burst => _isLong ? 2_000 : 500;

    /// <summary>How many rewriters are restarted in addition to the edges; one ingest and one API fewer. In the short
    /// form only a rewriter, because clients wait for it.</summary>
    public static int Copies => _isLong ? 3 : 1;

    /// <summary>The outage of a killed or frozen service or cache.</summary>
    public static TimeSpan OfService => Seconds(_isLong ? 30 : 2);

    /// <summary>The outages of the stopped or killed broker, one each.</summary>
    public static IReadOnlyList<TimeSpan> OfBroker => _isLong ? [Seconds(5), Seconds(60), Seconds(90)] : [Seconds(2)];

    /// <summary>The outage of the frozen broker: longer than any wait for its confirm.</summary>
    public static TimeSpan OfFrozenBroker => Seconds(_isLong ? 120 : 4);

    /// <summary>The promised time until everything flows after the broker's return. Not checked in the short form,
    /// which shares its machine with other tests.</summary>
    public static TimeSpan? LongestHeal => _isLong ? Seconds(30) : null;

    /// <summary>The outage of the database.</summary>
    public static TimeSpan OfDatabase => Seconds(_isLong ? 60 : 3);

    /// <summary>The deployment. The short form has shorter timeouts and pauses.</summary>
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

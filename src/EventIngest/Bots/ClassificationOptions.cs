using System.ComponentModel.DataAnnotations;

namespace Tracking.EventIngest.Bots;

/// <summary>How machines are told from people: <c>Tracking__Classification__…</c>.</summary>
public sealed class ClassificationOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = "Classification";

    /// <summary>User agents that are remembered with what is thought of them, 64 to 1,048,576, default 4,096: a
    /// campaign meets a few hundred different ones an hour. One takes about 1 kB.</summary>
    [Range(64, 1_048_576)]
    public int RememberedAgents { get; set; } = 4096;

    /// <summary>A file of networks in the format MMDB 2.0 that names the autonomous system of each address
    /// (<c>autonomous_system_number</c>), such as <c>asn.mmdb</c> of ip-location-db (CC0, PDDL) or GeoLite2-ASN;
    /// default none. It is read again when it changes.</summary>
    public string? NetworksFile { get; set; }

    /// <summary>A list of crawlers in the format of crawler-user-agents, instead of the one that is shipped; default
    /// none. It is read again when it changes.</summary>
    public string? CrawlersFile { get; set; }

    /// <summary>How often it is looked whether those files have changed, 100 ms to 1 day, default 10 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "1.00:00:00")]
    public TimeSpan ListsInterval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Distinct links of a message that must be followed within <see cref="BurstWindow"/> to be a burst, 3 to
    /// 50, default 3: of 836 bursts that a sender measured all had at least that many; two links at once is a person
    /// with two tabs.</summary>
    [Range(3, 50)]
    public int BurstLinks { get; set; } = 3;

    /// <summary>How long a burst may take, 100 ms to 3 s, default 1 s: people who open three tabs in three seconds are
    /// none.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:00:03")]
    public TimeSpan BurstWindow { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How far back from a burst the events of the same program at the same network are the machine's too, 0
    /// to 2 min 30 s, default 2 min: the open before it is 33 s away in the median.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:02:30")]
    public TimeSpan ReachBack { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>How far apart a check of a link and the person's click after it may be, 0 to 1 min, default 5 s: the
    /// person waits for the check.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:01:00")]
    public TimeSpan PairWindow { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>A click this soon after sending is suspect beside other evidence, 0 to 1 min, default 10 s: mail takes
    /// seconds to arrive, and then somebody has to read it.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:01:00")]
    public TimeSpan SoonAfterSending { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Messages whose links one program at one address follows within ten seconds, from which on this is
    /// suspect beside other evidence, 3 to 10,000, default 10: a company's people share an address too.</summary>
    [Range(3, 10_000)]
    public int ManyRecipients { get; set; } = 10;

    /// <summary>How long after a batch was stored its messages are looked at once more, 0 to 1 min, default 3 s: what
    /// other edges have of the same second has arrived. What comes later is looked at when it comes.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:01:00")]
    public TimeSpan ReviewAfter { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>How often it is looked whether messages are due for that, 50 ms to 1 min, default 1 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:01:00")]
    public TimeSpan ReviewInterval { get; set; } = TimeSpan.FromSeconds(1);
}

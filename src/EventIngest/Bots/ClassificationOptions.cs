using System.ComponentModel.DataAnnotations;

namespace Tracking.EventIngest.Bots;

/// <summary>How machines are distinguished from people: <c>Tracking__Classification__…</c>.</summary>
public sealed class ClassificationOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = "Classification";

    /// <summary>User agents whose classification is kept in memory, 64 to 1,048,576, default 4,096: a campaign meets a
    /// few hundred different user agents an hour. One user agent takes about 1 kB.</summary>
    [Range(64, 1_048_576)]
    public int RememberedAgents { get; set; } = 4096;

    /// <summary>A file of networks in the format MMDB 2.0 that names the autonomous system of each address
    /// (<c>autonomous_system_number</c>), such as <c>asn.mmdb</c> of ip-location-db (CC0, PDDL) or GeoLite2-ASN;
    /// default none. The file is read again when it changes.</summary>
    public string? NetworksFile { get; set; }

    /// <summary>A list of crawlers in the format of crawler-user-agents, instead of the shipped list; default none. The
    /// file is read again when it changes.</summary>
    public string? CrawlersFile { get; set; }

    /// <summary>How often the service checks whether the lists of networks and crawlers have changed, 100 ms to
    /// 1 day, default 10 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "1.00:00:00")]
    public TimeSpan ListsInterval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The number of distinct links of a message that must be followed within <see cref="BurstWindow"/> to be
    /// a burst, 3 to 50, default 3. All of 836 bursts that a sender measured had at least 3 links. Two links at once
    /// can be a person who opens two tabs.</summary>
    [Range(3, 50)]
    public int BurstLinks { get; set; } = 3;

    /// <summary>The longest duration of a burst, 100 ms to 3 s, default 1 s: a person who opens three tabs in three
    /// seconds is not a burst.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:00:03")]
    public TimeSpan BurstWindow { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The time before a burst in which events of the same program in the same network are attributed to the
    /// machine too, 0 to 2 min 30 s, default 2 min. The median time between the open and the burst is 33 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:02:30")]
    public TimeSpan ReachBack { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>The longest time between the check of a link and the person's click on it, 0 to 1 min, default 5 s: the
    /// person waits for the check.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:01:00")]
    public TimeSpan PairWindow { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>A click this soon after sending counts as evidence beside other evidence, 0 to 1 min, default 10 s:
    /// mail takes seconds to arrive, and a person needs time to read it.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:01:00")]
    public TimeSpan SoonAfterSending { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The number of messages whose links one program at one address must follow within ten seconds before
    /// this counts as evidence beside other evidence, 3 to 10,000, default 10: the people of a company may share an
    /// address.</summary>
    [Range(3, 10_000)]
    public int ManyRecipients { get; set; } = 10;

    /// <summary>The time after the storage of a batch at which its messages are judged again, 0 to 1 min, default 3 s:
    /// by then the other edges' events of the same second have arrived. Later events start another review.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:01:00")]
    public TimeSpan ReviewAfter { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>How often the service checks for messages that are due for a review, 50 ms to 1 min, default 1
    /// s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:01:00")]
    public TimeSpan ReviewInterval { get; set; } = TimeSpan.FromSeconds(1);
}

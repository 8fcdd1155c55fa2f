using System.ComponentModel.DataAnnotations;

namespace Tracking.Bus;

/// <summary>The bus over RabbitMQ: <c>Tracking__Messaging__…</c>. Without <c>ConnectionStrings__rabbitmq</c> the bus is
/// in memory and none of this is used. A queue that exists keeps the limits it was declared with: RabbitMQ refuses to
/// declare it with others (<c>PRECONDITION_FAILED</c>), so change them together with the queue.</summary>
public sealed class MessagingOptions
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Messaging";

    /// <summary>How often a message may be delivered before the broker moves it to the dead letters, 1 to
    /// 2,000,000,000, default 100,000. High, because whatever a process held when it was killed counts as delivered;
    /// what is to be given up sooner is given up by its consumer, with a reason. Always set, since RabbitMQ 3.10
    /// deletes at -1 and 4.x takes 20 where nothing is said.</summary>
    [Range(1, 2_000_000_000)]
    public int DeliveryLimit { get; set; } = 100_000;

    /// <summary>The most that a queue may hold, in bytes; 1 MiB to 1 TiB, default 8 GiB: a day of a busy edge's events.
    /// A full queue refuses what is published, and the publisher keeps it.</summary>
    [Range(1L << 20, 1L << 40)]
    public long MaxQueueBytes { get; set; } = 8L << 30;

    /// <summary>How long a queue that belongs to one edge outlives it, 1 min to 365 days, default 7 days: longer than
    /// an edge is away for repairs. It holds acknowledgements only, which are asked for again.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "365.00:00:00")]
    public TimeSpan OwnedQueueExpiry { get; set; } = TimeSpan.FromDays(7);

    /// <summary>How often both sides show that they are there, 1 s to 10 min, default 10 s. A broker that says nothing
    /// for twice this long is taken for gone.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan Heartbeat { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The pause between attempts to reach a broker that is away, 100 ms to 5 min, default 1 s: what a return
    /// costs at most, for one small connection a second.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:05:00")]
    public TimeSpan ReconnectPause { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long the broker may take to confirm what is sent to it, 1 s to 10 min, default 30 s: three
    /// heartbeats. Then the sender gives up waiting; what matters is sent again, and the connection is not used any
    /// more.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan ConfirmTimeout { get; set; } = TimeSpan.FromSeconds(30);
}

using System.ComponentModel.DataAnnotations;

namespace Tracking.Bus;

/// <summary>The bus over RabbitMQ: <c>Tracking__Messaging__…</c>. Without <c>ConnectionStrings__rabbitmq</c> the bus is
/// in memory and these settings have no effect. An existing queue keeps the limits of its declaration. RabbitMQ refuses
/// to declare it with others (<c>PRECONDITION_FAILED</c>), so change the limits together with the queue.</summary>
public sealed class MessagingOptions
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Messaging";

    /// <summary>Deliveries of a message after which the broker moves it to the dead letters, 1 to 2,000,000,000,
    /// default 100,000. The number is high because every message that a killed process held counts as delivered. A
    /// consumer gives up earlier by itself, with a reason. The limit is always set, because without it RabbitMQ 4.x
    /// uses 20, and RabbitMQ 3.10 deletes messages at -1.</summary>
    [Range(1, 2_000_000_000)]
    public int DeliveryLimit { get; set; } = 100_000;

    /// <summary>The most bytes in a queue; 1 MiB to 1 TiB, default 8 GiB: a day of a busy edge's events. A full queue
    /// refuses new messages, and their publisher keeps them.</summary>
    [Range(1L << 20, 1L << 40)]
    public long MaxQueueBytes { get; set; } = 8L << 30;

    /// <summary>The time that the queue of an absent edge still exists, 1 min to 365 days, default 7 days: longer than
    /// a repair of an edge takes. The queue only holds acknowledgements, which the edge requests again.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "365.00:00:00")]
    public TimeSpan OwnedQueueExpiry { get; set; } = TimeSpan.FromDays(7);

    /// <summary>The interval of heartbeats on both sides, 1 s to 10 min, default 10 s. A broker that is silent for
    /// twice this time counts as gone.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan Heartbeat { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The pause between attempts to reach an unavailable broker, 100 ms to 5 min, default 1 s: the longest
    /// delay after its return, at the cost of one small connection a second.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:05:00")]
    public TimeSpan ReconnectPause { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest time for the broker's confirmation of a message, 1 s to 10 min, default 30 s: three
    /// heartbeats. After it the sender stops waiting and the connection is abandoned. Important messages are sent
    /// again.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan ConfirmTimeout { get; set; } = TimeSpan.FromSeconds(30);
}

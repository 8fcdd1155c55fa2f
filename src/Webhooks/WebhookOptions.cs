using System.ComponentModel.DataAnnotations;

namespace Tracking.Webhooks;

/// <summary>The delivery of webhooks: <c>Tracking__Webhooks__…</c>. Ingest delivers them. Management refuses addresses
/// to which ingest would not connect, so both need the same settings.</summary>
public sealed class WebhookOptions : IValidatableObject
{
    /// <summary>The configuration section.</summary>
    public const string Section = "Webhooks";

    /// <summary>The value for every port in <see cref="Ports"/>.</summary>
    public const int AnyPort = 0;

    private static readonly int[] _usualPorts = [443, 8443];

    private static readonly int[] _usualPlainPorts = [80, 8080];

    /// <summary>Allows receivers inside the operator's own network: private, loopback and our own addresses. Off by
    /// default: a tenant chooses the receiver and could make us send requests to machines that only we can
    /// reach.</summary>
    public bool AllowPrivateAddresses { get; set; }

    /// <summary>Allows <c>http://</c> URLs. Off by default: events contain personal data, which others on the network
    /// path could read.</summary>
    public bool AllowHttp { get; set; }

    /// <summary>The permitted ports of receivers, 0 to 65535; 0 permits every port. Default: 443 and 8443, with
    /// <see cref="AllowHttp"/> 80 and 8080 too.</summary>
    public IList<int> Ports { get; } = [];

    /// <summary>The longest time of one attempt, from the DNS query to the end of the answer, 1 s to 1 min, default 15
    /// s, which is the shortest time that Standard Webhooks 1.0.0 recommends (15 to 30 s).</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:01:00")]
    public TimeSpan AttemptTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>The longest time of connecting, without TLS, 100 ms to 30 s, default 5 s: enough for a SYN that is sent
    /// again after 1 s and 3 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:00:30")]
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The most requests to one endpoint at the same time, 1 to 64, default 4. A failing endpoint always gets
    /// one at a time.</summary>
    [Range(1, 64)]
    public int RequestsPerEndpoint { get; set; } = 4;

    /// <summary>The most endpoints to which one process delivers at the same time, 1 to 4096, default 256. Each takes
    /// up to <see cref="RequestsPerEndpoint"/> sockets and very little processor time.</summary>
    [Range(1, 4096)]
    public int EndpointsAtOnce { get; set; } = 256;

    /// <summary>The most slow or failing endpoints to which one process delivers at the same time, in addition to the
    /// others, 1 to 4096, default 64. They are counted separately, so that they do not delay receivers that
    /// answer.</summary>
    [Range(1, 4096)]
    public int SlowEndpointsAtOnce { get; set; } = 64;

    /// <summary>An endpoint counts as slow when its answer takes longer than this, until an answer comes sooner; 10 ms
    /// to 1 min, default 2 s: ten times the time of a request around the world.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:01:00")]
    public TimeSpan SlowAfter { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How often the database is asked for due deliveries, 50 ms to 1 min, default 500 ms: the longest delay
    /// of a webhook without other causes.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:01:00")]
    public TimeSpan LookInterval { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How often the storing of events reads changed endpoints, 100 ms to 1 min, default 2 s. A new endpoint
    /// does not get the events of its first seconds.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan RefreshInterval { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long one visit to an endpoint starts requests, 100 ms to 1 min, default 10 s. Then another endpoint
    /// gets the place.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan VisitTime { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The most deliveries of one visit, 1 to 1,000, default 50. Their results are stored in one transaction.
    /// After a kill the deliveries of unfinished visits are sent again.</summary>
    [Range(1, 1000)]
    public int DeliveriesPerVisit { get; set; } = 50;

    /// <summary>How long a process leases the endpoint that it visits, 10 s to 1 h, default 1 min. At least
    /// <see cref="VisitTime"/> and twice <see cref="AttemptTimeout"/>.</summary>
    [Range(typeof(TimeSpan), "00:00:10", "01:00:00")]
    public TimeSpan Lease { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>The pause of an unreachable endpoint after its first failure, 100 ms to 1 min, default 1 s. Each
    /// further failure doubles the pause. During the pause no delivery is tried, and none loses an attempt.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan FirstRest { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest pause of an unreachable endpoint, 1 s to 1 h, default 1 min. It is found again at most this
    /// late.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan LongestRest { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>The longest <c>Retry-After</c> that is obeyed, 1 min to 7 days, default 1 day, which is the longest
    /// pause between attempts. Longer times are assumed to be mistakes.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "7.00:00:00")]
    public TimeSpan LongestRetryAfter { get; set; } = TimeSpan.FromDays(1);

    /// <summary>An endpoint is disabled when all attempts have failed for this time, 1 h to 90 days, default 5 days:
    /// longer than the attempts of one delivery, which take 75.5 h.</summary>
    [Range(typeof(TimeSpan), "01:00:00", "90.00:00:00")]
    public TimeSpan DisableAfter { get; set; } = TimeSpan.FromDays(5);

    /// <summary>How long deliveries are kept with their attempts and answers, 1 day to 365 days, default 30 days. In
    /// this time they can be sent again.</summary>
    [Range(typeof(TimeSpan), "1.00:00:00", "365.00:00:00")]
    public TimeSpan KeptFor { get; set; } = TimeSpan.FromDays(30);

    /// <summary>How often old deliveries are deleted, 1 s to 1 day, default 10 min.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan PruneInterval { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>The most database connections for deliveries at the same time, 1 to 32, default 4. The storing of
    /// events needs the others.</summary>
    [Range(1, 32)]
    public int Connections { get; set; } = 4;

    /// <summary>Whether a receiver may have this port.</summary>
    public bool IsPortAllowed(int port) => Ports.Count > 0
        ? Ports.Contains(AnyPort) || Ports.Contains(port)
        : _usualPorts.Contains(port) || (AllowHttp && _usualPlainPorts.Contains(port));

    /// <summary>The ports in words.</summary>
    public string DescribePorts() => Ports.Contains(AnyPort)
        ? "any port"
        : "port " + string.Join(
            " or ", Ports.Count > 0 ? Ports : [.. _usualPorts, .. AllowHttp ? _usualPlainPorts : []]);

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var port in Ports.Where(port => port is < 0 or > 65535))
        {
            yield return new ValidationResult($"got \"{port}\", takes 0 to 65535", [nameof(Ports)]);
        }

        if (Lease < VisitTime + (2 * AttemptTimeout))
        {
            yield return new ValidationResult(
                $"got \"{Lease:c}\", takes at least {nameof(VisitTime)} and twice {nameof(AttemptTimeout)} "
                    + $"({VisitTime + (2 * AttemptTimeout):c})",
                [nameof(Lease)]);
        }
    }
}

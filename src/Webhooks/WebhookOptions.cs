using System.ComponentModel.DataAnnotations;

namespace Tracking.Webhooks;

/// <summary>How webhooks are delivered, and whereto: <c>Tracking__Webhooks__…</c>. Ingest delivers them; management
/// refuses addresses that ingest would not connect to, so both are given the same.</summary>
public sealed class WebhookOptions : IValidatableObject
{
    /// <summary>The configuration section.</summary>
    public const string Section = "Webhooks";

    /// <summary>Stands for every port in <see cref="Ports"/>.</summary>
    public const int AnyPort = 0;

    private static readonly int[] _usualPorts = [443, 8443];

    private static readonly int[] _usualPlainPorts = [80, 8080];

    /// <summary>Deliver to receivers inside of the operator's own network too: private, loopback and our own addresses.
    /// Off by default, because a tenant chooses the receiver, and could have us send requests to machines that only we
    /// can reach.</summary>
    public bool AllowPrivateAddresses { get; set; }

    /// <summary>Deliver to <c>http://</c> addresses too. Off by default: events name people, and everybody on the way
    /// could read them.</summary>
    public bool AllowHttp { get; set; }

    /// <summary>Ports that receivers may have, 0 to 65535, where 0 stands for every port. Default none given: 443 and
    /// 8443, with <see cref="AllowHttp"/> 80 and 8080 too.</summary>
    public IList<int> Ports { get; } = [];

    /// <summary>The longest that one attempt may take, from the look at DNS to the end of the answer, 1 s to 1 min,
    /// default 15 s: the shortest that Standard Webhooks 1.0.0 recommends (15 to 30 s).</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:01:00")]
    public TimeSpan AttemptTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>The longest that connecting may take, TLS not included, 100 ms to 30 s, default 5 s: a SYN that is sent
    /// again after 1 and 3 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:00:30")]
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Requests that one endpoint gets at the same time, 1 to 64, default 4. An endpoint that fails gets one
    /// at a time, whatever stands here.</summary>
    [Range(1, 64)]
    public int RequestsPerEndpoint { get; set; } = 4;

    /// <summary>Endpoints that one process delivers to at the same time, 1 to 4096, default 256: each takes up to
    /// <see cref="RequestsPerEndpoint"/> sockets and next to no processor.</summary>
    [Range(1, 4096)]
    public int EndpointsAtOnce { get; set; } = 256;

    /// <summary>Endpoints that are slow or fail, delivered to at the same time beside the others, 1 to 4096, default
    /// 64. They have places of their own, so that they take none from receivers that answer.</summary>
    [Range(1, 4096)]
    public int SlowEndpointsAtOnce { get; set; } = 64;

    /// <summary>An endpoint whose answer takes longer is slow until one comes sooner, 10 ms to 1 min, default 2 s: ten
    /// times what a request around the world takes.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:01:00")]
    public TimeSpan SlowAfter { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How often the database is asked what is due, 50 ms to 1 min, default 500 ms: what a webhook is late at
    /// most when nothing else holds it up.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:01:00")]
    public TimeSpan LookInterval { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How often storing events asks whether endpoints have changed, 100 ms to 1 min, default 2 s: events of
    /// the first seconds of a new endpoint are not delivered to it.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan RefreshInterval { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long one visit to an endpoint goes on beginning requests, 100 ms to 1 min, default 10 s; then
    /// another endpoint has the place.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan VisitTime { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Deliveries that one visit takes, 1 to 1,000, default 50; what they came to is stored in one
    /// transaction. A process that is killed sends those of the visits under way again.</summary>
    [Range(1, 1000)]
    public int DeliveriesPerVisit { get; set; } = 50;

    /// <summary>How long an endpoint belongs to the process that visits it, 10 s to 1 h, default 1 min. At least
    /// <see cref="VisitTime"/> and twice <see cref="AttemptTimeout"/>.</summary>
    [Range(typeof(TimeSpan), "00:00:10", "01:00:00")]
    public TimeSpan Lease { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>The pause of an endpoint that cannot be reached, after the first failure, 100 ms to 1 min, default 1 s;
    /// it doubles with each. Meanwhile none of its deliveries is tried, and none loses an attempt.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan FirstRest { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest pause of an endpoint that cannot be reached, 1 s to 1 h, default 1 min: how late it is
    /// found to be back.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan LongestRest { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>The longest that a <c>Retry-After</c> is obeyed, 1 min to 7 days, default 1 day: the longest pause
    /// between attempts. One that says more is mistaken.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "7.00:00:00")]
    public TimeSpan LongestRetryAfter { get; set; } = TimeSpan.FromDays(1);

    /// <summary>An endpoint of which every attempt has failed for this long is disabled, 1 h to 90 days, default 5
    /// days: longer than the attempts at one delivery, which take 75 h and a half.</summary>
    [Range(typeof(TimeSpan), "01:00:00", "90.00:00:00")]
    public TimeSpan DisableAfter { get; set; } = TimeSpan.FromDays(5);

    /// <summary>How long deliveries are kept with their attempts and answers, delivered or not, 1 day to 365 days,
    /// default 30 days: so long they can be sent again.</summary>
    [Range(typeof(TimeSpan), "1.00:00:00", "365.00:00:00")]
    public TimeSpan KeptFor { get; set; } = TimeSpan.FromDays(30);

    /// <summary>How often old deliveries are deleted, 1 s to 1 day, default 10 min.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan PruneInterval { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Database connections that deliveries take at the same time, 1 to 32, default 4; storing events needs
    /// the others.</summary>
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

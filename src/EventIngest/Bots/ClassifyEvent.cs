using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Options;
using Tracking.Contracts;
using Tracking.Database.Privacy;
using Tracking.EventIngest.Privacy;
using Tracking.EventIngest.Statistics;
using Tracking.Links;

namespace Tracking.EventIngest.Bots;

/// <summary>What is known of one user agent.</summary>
internal sealed class KnownAgent
{
    private readonly RuleSet _rules;
    private readonly Reason _reason;
    private readonly string _userAgent;
    private readonly string? _vendor;
    private readonly string _clientWithoutText;

    // By shape and kind: at most a few hundred, and of most agents two.
    private readonly ConcurrentDictionary<int, Classification> _classifications = new();

    public KnownAgent(byte[] received, byte[] text, RuleSet rules, AgentOpinion opinion)
    {
        Received = received;
        Text = text;
        _rules = rules;
        (_reason, _vendor) = (opinion.Reason, opinion.Vendor);
        _userAgent = Encoding.UTF8.GetString(text);
        Client = NameClient.Of(_vendor, _userAgent);
        _clientWithoutText = NameClient.Of(_vendor, userAgent: null);
    }

    /// <summary>Its bytes as received.</summary>
    public byte[] Received { get; }

    /// <summary>As it is stored, UTF-8.</summary>
    public byte[] Text { get; }

    /// <summary>The program's name where its text is stored.</summary>
    public string Client { get; }

    /// <summary>The program's name, by what a cluster's policy lets be stored.</summary>
    public string ClientUnder(ClusterPolicy policy) => policy.IsAnonymous ? _clientWithoutText : Client;

    /// <summary>The classification of an event.</summary>
    /// <param name="kind">What was asked for.</param>
    /// <param name="shape">A packed <see cref="RequestShape"/>.</param>
    /// <param name="network">What the client's network says.</param>
    public Classification For(LinkKind kind, byte shape = 0, Reason? network = null)
    {
        // What a later version writes says nothing here, and must not fill memory.
        var known = shape < RequestShape.Count ? shape : 0;
        var key = (NetworkRules.NumberOf(network) << 16) | ((int)kind << 8) | known;
        return _classifications.TryGetValue(key, out var classification)
            ? classification
            : _classifications.GetOrAdd(key, Classify(kind, (byte)known, network));
    }

    private Classification Classify(LinkKind kind, byte shape, Reason? network)
    {
        var evidence = new List<Reason> { _reason };
        if (kind == LinkKind.Honeypot)
        {
            // No person sees a honeypot: whoever follows it is a machine, whatever it calls itself.
            evidence.Insert(0, Reasons.Honeypot);
        }

        JudgeShape.Add(evidence, shape, kind, _userAgent);
        if (network is not null)
        {
            evidence.Add(network);
        }

        return new Classification(evidence, _vendor, _rules.Number);
    }
}

/// <summary>
/// Says who or what caused an event, from what the request said of itself: its user agent (<see cref="JudgeAgent"/>),
/// its shape (<see cref="JudgeShape"/>) and its kind. A machine that does all of this as a browser does passes as a
/// person here; that shows only in its behaviour, after the fact (<see cref="JudgeMessage"/>).
/// </summary>
internal sealed class ClassifyEvent
{
    private readonly int _remembered;
    private volatile Generation _generation;

    /// <summary>With the shipped rules and the default options.</summary>
    public ClassifyEvent()
        : this(Options.Create(new ClassificationOptions()))
    {
    }

    /// <summary>With the shipped rules.</summary>
    public ClassifyEvent(IOptions<ClassificationOptions> options)
    {
        _remembered = options.Value.RememberedAgents;
        _generation = new Generation(RuleSet.Shipped, _remembered);
    }

    /// <summary>The rules in force.</summary>
    public RuleSet Rules => _generation.Rules;

    /// <summary>User agents that were met lately.</summary>
    public IEnumerable<KnownAgent> Remembered =>
        _generation.Known.Where(known => known is not null).Select(known => known!);

    /// <summary>Judges by other rules from now on.</summary>
    public void Replace(RuleSet rules) => _generation = new Generation(rules, _remembered);

    /// <summary>Recognises a user agent; safe from many threads.</summary>
    public KnownAgent Recognise(ReadOnlySpan<byte> userAgent) => _generation.Recognise(userAgent);

    /// <summary>What the client's network says of an event.</summary>
    /// <param name="address">4 or 16 bytes, or empty.</param>
    /// <param name="kind">What was asked for.</param>
    public Reason? NetworkOf(ReadOnlySpan<byte> address, LinkKind kind) =>
        _generation.Rules.Networks is { } networks && !address.IsEmpty ? networks.Find(address, kind) : null;

    // Rules, and what is remembered by them: never the one with the other's.
    private sealed class Generation(RuleSet rules, int remembered)
    {
        public RuleSet Rules { get; } = rules;

        // Agents kept by their checksum, one per slot. A slot is replaced, never grown: a flood of made-up agents costs
        // time, not memory.
        public KnownAgent?[] Known { get; } = new KnownAgent?[remembered];

        public KnownAgent Recognise(ReadOnlySpan<byte> userAgent)
        {
            ref var slot = ref Known[EventRecord.Crc32C(userAgent) % (uint)Known.Length];
            if (Volatile.Read(ref slot) is { } known && userAgent.SequenceEqual(known.Received))
            {
                return known;
            }

            known = new KnownAgent(
                userAgent.ToArray(), StorableUserAgent.Encode(userAgent), Rules,
                JudgeAgent.Run(Encoding.Latin1.GetString(userAgent), Rules.Crawlers));
            Volatile.Write(ref slot, known);
            return known;
        }
    }
}

using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Options;
using Tracking.Contracts;
using Tracking.Database.Privacy;
using Tracking.EventIngest.Privacy;
using Tracking.EventIngest.Statistics;
using Tracking.Links;

namespace Tracking.EventIngest.Bots;

/// <summary>A user agent with its classifications.</summary>
internal sealed class KnownAgent
{
    private readonly RuleSet _rules;
    private readonly Reason _reason;
    private readonly string _userAgent;
    private readonly string? _vendor;
    private readonly string _clientWithoutText;

    // The key is made of the shape, the kind and the network. There are at most a few hundred keys, and mostly two for
    // a user agent.
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

    /// <summary>The bytes as received.</summary>
    public byte[] Received { get; }

    /// <summary>The text that is stored, in UTF-8.</summary>
    public byte[] Text { get; }

    /// <summary>The program's name, if the text is stored.</summary>
    public string Client { get; }

    /// <summary>The program's name, from the parts that a cluster's policy permits to store.</summary>
    public string ClientUnder(ClusterPolicy policy) => policy.IsAnonymous ? _clientWithoutText : Client;

    /// <summary>The classification of an event.</summary>
    /// <param name="kind">The kind of the requested link.</param>
    /// <param name="shape">A packed <see cref="RequestShape"/>.</param>
    /// <param name="network">The reason that the client's network gives.</param>
    public Classification For(LinkKind kind, byte shape = 0, Reason? network = null)
    {
        // A shape of a later version is unknown here, and must not fill the memory.
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
            // No person sees a honeypot. So a program that follows it is a machine, whatever its user agent says.
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
/// Decides who or what caused an event, from the request alone: its user agent (<see cref="JudgeAgent"/>), its shape
/// (<see cref="JudgeShape"/>) and its kind. A machine whose requests look exactly like a browser's passes as a person
/// here. Only its behaviour shows later that it is a machine (<see cref="JudgeMessage"/>).
/// </summary>
internal sealed class ClassifyEvent
{
    private readonly int _remembered;
    private volatile Generation _generation;

    /// <summary>Uses the shipped rules and the default options.</summary>
    public ClassifyEvent()
        : this(Options.Create(new ClassificationOptions()))
    {
    }

    /// <summary>Uses the shipped rules.</summary>
    public ClassifyEvent(IOptions<ClassificationOptions> options)
    {
        _remembered = options.Value.RememberedAgents;
        _generation = new Generation(RuleSet.Shipped, _remembered);
    }

    /// <summary>The rules in force.</summary>
    public RuleSet Rules => _generation.Rules;

    /// <summary>User agents that were seen recently.</summary>
    public IEnumerable<KnownAgent> Remembered =>
        _generation.Known.Where(known => known is not null).Select(known => known!);

    /// <summary>Applies other rules from now on.</summary>
    public void Replace(RuleSet rules) => _generation = new Generation(rules, _remembered);

    /// <summary>Recognises a user agent. Many threads may call this at the same time.</summary>
    public KnownAgent Recognise(ReadOnlySpan<byte> userAgent) => _generation.Recognise(userAgent);

    /// <summary>The reason that the client's network gives for an event.</summary>
    /// <param name="address">4 or 16 bytes, or empty.</param>
    /// <param name="kind">The kind of the requested link.</param>
    public Reason? NetworkOf(ReadOnlySpan<byte> address, LinkKind kind) =>
        _generation.Rules.Networks is { } networks && !address.IsEmpty ? networks.Find(address, kind) : null;

    // The rules and the user agents that were judged by them. They are replaced together, so they always match.
    private sealed class Generation(RuleSet rules, int remembered)
    {
        public RuleSet Rules { get; } = rules;

        // The checksum of a user agent selects its slot. A slot is replaced, and the array never grows: a flood of
        // invented user agents costs time, not memory.
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

using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Options;
using Tracking.Contracts;
using Tracking.Database.Entities;
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
    public Classification For(LinkKind kind, byte shape = 0)
    {
        // What a later version writes says nothing here, and must not fill memory.
        var known = shape < RequestShape.Count ? shape : 0;
        var key = ((int)kind << 8) | known;
        return _classifications.TryGetValue(key, out var classification)
            ? classification
            : _classifications.GetOrAdd(key, Classify(kind, (byte)known));
    }

    private Classification Classify(LinkKind kind, byte shape)
    {
        var evidence = new List<Reason> { _reason };
        if (kind == LinkKind.Honeypot)
        {
            // No person sees a honeypot: whoever follows it is a machine, whatever it calls itself.
            evidence.Insert(0, Reasons.Honeypot);
        }

        JudgeShape.Add(evidence, shape, kind, _userAgent);
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
    private readonly RuleSet _rules;

    // Agents kept by their checksum, one per slot. A slot is replaced, never grown: a flood of made-up agents costs
    // time, not memory.
    private readonly KnownAgent?[] _known;

    /// <summary>With the shipped rules and the default options.</summary>
    public ClassifyEvent()
        : this(Options.Create(new ClassificationOptions()))
    {
    }

    public ClassifyEvent(IOptions<ClassificationOptions> options)
        : this(options, RuleSet.Shipped)
    {
    }

    internal ClassifyEvent(IOptions<ClassificationOptions> options, RuleSet rules)
    {
        _rules = rules;
        _known = new KnownAgent?[options.Value.RememberedAgents];
    }

    /// <summary>Recognises a user agent; safe from many threads.</summary>
    public KnownAgent Recognise(ReadOnlySpan<byte> userAgent)
    {
        ref var slot = ref _known[EventRecord.Crc32C(userAgent) % (uint)_known.Length];
        if (Volatile.Read(ref slot) is { } known && userAgent.SequenceEqual(known.Received))
        {
            return known;
        }

        known = new KnownAgent(
            userAgent.ToArray(), StorableUserAgent.Encode(userAgent), _rules,
            JudgeAgent.Run(Encoding.Latin1.GetString(userAgent), _rules.Crawlers));
        Volatile.Write(ref slot, known);
        return known;
    }
}

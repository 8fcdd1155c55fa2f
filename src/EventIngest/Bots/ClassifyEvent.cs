using System.Buffers;
using System.Text;
using Tracking.Contracts;
using Tracking.Database.Entities;
using Tracking.Database.Privacy;
using Tracking.EventIngest.Privacy;
using Tracking.EventIngest.Statistics;
using Tracking.Links;

namespace Tracking.EventIngest.Bots;

/// <summary>What is known of one user agent.</summary>
/// <param name="Received">Its bytes as received.</param>
/// <param name="Text">As it is stored, UTF-8.</param>
/// <param name="Classification">What it says of an event that is not a honeypot's.</param>
/// <param name="InHoneypot">What it says of a honeypot's.</param>
/// <param name="Client">The program's name where its text is stored.</param>
internal sealed record KnownAgent(
    byte[] Received, byte[] Text, Classification Classification, Classification InHoneypot, string Client)
{
    private readonly string _clientWithoutText = NameClient.Of(Classification.Vendor, userAgent: null);

    /// <summary>The program's name, by what a cluster's policy lets be stored.</summary>
    public string ClientUnder(ClusterPolicy policy) => policy.IsAnonymous ? _clientWithoutText : Client;

    /// <summary>The classification of an event.</summary>
    public Classification For(LinkKind kind) => kind == LinkKind.Honeypot ? InHoneypot : Classification;
}

/// <summary>
/// Says who or what caused an event, from its user agent and kind alone: <see cref="AgentRules"/>. A machine that
/// calls itself a browser passes as a person here; that shows only in its behaviour, after the fact.
/// </summary>
internal sealed class ClassifyEvent
{
    // Agents kept by their checksum, one per slot; campaigns meet a few hundred different ones an hour. A slot is
    // replaced, never grown: a flood of made-up agents costs time, not memory.
    private const int Slots = 4096;

    // Apple's mail privacy protection loads every image when the message arrives, and says no more than this.
    private const string AppleMailPrivacy = "Mozilla/5.0";

    private static readonly Classification _noAgent = new(Verdict.Unknown, null, "no-user-agent");
    private static readonly Classification _unrecognised = new(Verdict.Unknown, null, "unrecognised");
    private static readonly Classification _privacy = new(Verdict.Prefetch, "apple", "mail-privacy-protection");
    private static readonly SearchValues<string> _machineTokens = SearchValues.Create(
        [.. AgentRules.Machines.Select(rule => rule.Token)], StringComparison.OrdinalIgnoreCase);

    private static readonly Dictionary<AgentRule, Classification> _byRule = AgentRules.Machines
        .Concat(AgentRules.People)
        .ToDictionary(rule => rule, rule => new Classification(rule.Verdict, rule.Vendor, rule.Reason));

    private static readonly Dictionary<Classification, Classification> _honeypots = _byRule.Values
        .Append(_noAgent).Append(_unrecognised).Append(_privacy)
        .ToDictionary(agent => agent, InHoneypot);

    private readonly KnownAgent?[] _known = new KnownAgent?[Slots];

    /// <summary>Recognises a user agent; safe from many threads.</summary>
    public KnownAgent Recognise(ReadOnlySpan<byte> userAgent)
    {
        ref var slot = ref _known[EventRecord.Crc32C(userAgent) % Slots];
        if (Volatile.Read(ref slot) is { } known && userAgent.SequenceEqual(known.Received))
        {
            return known;
        }

        var classification = Classify(userAgent);
        var text = StorableUserAgent.Encode(userAgent);
        known = new KnownAgent(
            userAgent.ToArray(), text, classification, _honeypots[classification],
            NameClient.Of(classification.Vendor, Encoding.UTF8.GetString(text)));
        Volatile.Write(ref slot, known);
        return known;
    }

    private static Classification Classify(ReadOnlySpan<byte> userAgent)
    {
        var text = Encoding.Latin1.GetString(userAgent).AsSpan().Trim();
        if (text.IsEmpty)
        {
            return _noAgent;
        }

        if (text.SequenceEqual(AppleMailPrivacy))
        {
            return _privacy;
        }

        return (text.ContainsAny(_machineTokens) ? First(AgentRules.Machines, text) : null)
            ?? First(AgentRules.People, text)
            ?? _unrecognised;
    }

    private static Classification? First(AgentRule[] rules, ReadOnlySpan<char> userAgent)
    {
        foreach (var rule in rules)
        {
            if (userAgent.Contains(rule.Token, StringComparison.OrdinalIgnoreCase))
            {
                return _byRule[rule];
            }
        }

        return null;
    }

    // No person sees a honeypot: whoever follows it is a machine, whatever it calls itself.
    private static Classification InHoneypot(Classification agent) => agent.Verdict == Verdict.Human
        ? new Classification(Verdict.Scanner, null, "honeypot")
        : new Classification(Verdict.Scanner, agent.Vendor, ["honeypot", .. agent.Reasons]);
}

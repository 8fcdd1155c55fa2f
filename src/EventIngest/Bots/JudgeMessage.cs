using System.Net;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.EventIngest.Bots;

/// <summary>An event as it is stored.</summary>
internal sealed class StoredEvent
{
    public required Guid Id { get; init; }

    public required int Cluster { get; init; }

    public required MessageKey Message { get; init; }

    /// <summary>µs since 1970.</summary>
    public required long Micros { get; init; }

    public required LinkKind Kind { get; init; }

    public ulong Link { get; init; }

    public ushort Ordinal { get; init; }

    /// <summary>The address as the cluster's policy stores it; null if none is stored.</summary>
    public IPAddress? Address { get; init; }

    public string? UserAgent { get; init; }

    public Verdict Verdict { get; init; }

    public string? Vendor { get; init; }

    public IReadOnlyList<string> Reasons { get; init; } = [];

    public int Score { get; init; }

    /// <summary>Whether it counts nowhere.</summary>
    public bool IsUncounted { get; init; }
}

/// <summary>The new verdict on an event, after a comparison with the other events of its message.</summary>
/// <param name="Verdict">The verdict.</param>
/// <param name="Score">The sum of the weights.</param>
/// <param name="Reasons">The reasons, the reasons of behaviour first.</param>
internal sealed record Opinion(Verdict Verdict, int Score, IReadOnlyList<string> Reasons);

/// <summary>
/// Judges the events of one message together, after they are stored.
/// <list type="number">
/// <item>A burst: several distinct links within a second, at any time and from any addresses. Events of the same
/// program in the same network shortly before the burst belong to it: the program opened the mail to find the
/// links.</item>
/// <item>A pair: two programs in two networks follow the same link within seconds. One is the check by a mail provider,
/// the other is the person who waited for the check. One click of a person remains.</item>
/// <item>Evidence that counts only beside other evidence: a click within seconds of sending, and many recipients behind
/// one address.</item>
/// </list>
/// Evidence is added and never removed. An event that is judged again with more events keeps its earlier reasons.
/// </summary>
internal sealed class JudgeMessage(ClassificationOptions options, RuleSet rules)
{
    private static readonly HashSet<string> _ofBehaviour = [.. Reasons.OfBehaviour.Select(reason => reason.Code)];

    private readonly long _burst = Micros(options.BurstWindow);
    private readonly long _reachBack = Micros(options.ReachBack);
    private readonly long _pair = Micros(options.PairWindow);
    private readonly long _soon = Micros(options.SoonAfterSending);

    /// <summary>The opinions whose verdict differs from the stored verdict.</summary>
    /// <param name="events">Events of one message, in any order.</param>
    /// <param name="sentAt">The time at which the message was sent, µs since 1970; null if it is unknown.</param>
    /// <param name="manyRecipients">The ids of clicks whose program follows the links of many messages at once.</param>
    public Dictionary<StoredEvent, Opinion> Run(
        IReadOnlyList<StoredEvent> events, long? sentAt, IReadOnlySet<Guid>? manyRecipients = null)
    {
        var found = events.ToDictionary(one => one, _ => new List<Reason>());
        StoredEvent[] clicks = [.. events.Where(one => one.Kind == LinkKind.Click)
            .OrderBy(click => click.Micros).ThenBy(click => click.Id)];
        foreach (var burst in Bursts(clicks))
        {
            AddBurst(found, events, burst);
        }

        AddPairs(found, clicks);
        foreach (var click in clicks)
        {
            if (sentAt is { } sent && click.Micros - sent < _soon && click.Micros >= sent)
            {
                found[click].Add(Reasons.SoonAfterSending);
            }

            if (manyRecipients?.Contains(click.Id) == true)
            {
                found[click].Add(Reasons.ManyRecipients);
            }
        }

        var changed = new Dictionary<StoredEvent, Opinion>();
        foreach (var one in events)
        {
            if (found[one].Count > 0 && OpinionOf(one, found[one]) is var opinion && opinion.Verdict != one.Verdict)
            {
                changed.Add(one, opinion);
            }
        }

        return changed;
    }

    // Combines the reasons of the request itself and the reasons of behaviour, both new and earlier.
    private Opinion OpinionOf(StoredEvent one, List<Reason> found)
    {
        var before = one.Reasons.Where(_ofBehaviour.Contains).Select(code => rules.Find(code)!).ToList();
        var itself = one.Reasons.Where(code => !_ofBehaviour.Contains(code)).Select(
            // A reason that these rules no longer have keeps the event's verdict.
            code => rules.Find(code) ?? new Reason(code, one.Verdict, 0, "", "")).ToList();
        Reason[] behaviour = [.. found.Union(before)];
        var score = one.Score - before.Sum(reason => reason.Weight) + behaviour.Sum(reason => reason.Weight);
        Reason[] all = [.. behaviour, .. itself];
        return new Opinion(Reasons.Judge(all, score), score, [.. all.Select(reason => reason.Code)]);
    }

    // Groups of clicks that belong to one burst, or to several bursts without a gap.
    private List<List<StoredEvent>> Bursts(StoredEvent[] clicks)
    {
        var isIn = new bool[clicks.Length];
        for (var first = 0; first < clicks.Length; first++)
        {
            var links = new HashSet<ulong>();
            var last = first;
            for (var next = first; next < clicks.Length && clicks[next].Micros - clicks[first].Micros <= _burst; next++)
            {
                links.Add(clicks[next].Link);
                last = next;
            }

            if (links.Count >= options.BurstLinks)
            {
                isIn.AsSpan(first, last - first + 1).Fill(true);
            }
        }

        Extend(clicks, isIn);
        var bursts = new List<List<StoredEvent>>();
        for (var i = 0; i < clicks.Length; i++)
        {
            if (isIn[i])
            {
                if (bursts.Count == 0 || clicks[i].Micros - bursts[^1][^1].Micros > _burst)
                {
                    bursts.Add([]);
                }

                bursts[^1].Add(clicks[i]);
            }
        }

        return bursts;
    }

    // Adds clicks of the same program in the same network directly before or after a burst: the last link took longer.
    private void Extend(StoredEvent[] clicks, bool[] isIn)
    {
        for (var i = 1; i < clicks.Length; i++)
        {
            isIn[i] |= isIn[i - 1] && Belong(clicks[i - 1], clicks[i]);
        }

        for (var i = clicks.Length - 2; i >= 0; i--)
        {
            isIn[i] |= isIn[i + 1] && Belong(clicks[i], clicks[i + 1]);
        }

        bool Belong(StoredEvent one, StoredEvent next) =>
            next.Micros - one.Micros <= _burst && IsSameProgram(one, next);
    }

    private void AddBurst(
        Dictionary<StoredEvent, List<Reason>> found, IReadOnlyList<StoredEvent> events, List<StoredEvent> burst)
    {
        foreach (var click in burst)
        {
            found[click].Add(Reasons.Burst);
        }

        var (begin, end) = (burst[0].Micros, burst[^1].Micros);
        foreach (var before in events)
        {
            if (before.Kind == LinkKind.Honeypot || before.Micros < begin - _reachBack || before.Micros > end
                || found[before].Contains(Reasons.Burst) || found[before].Contains(Reasons.BeforeBurst))
            {
                continue;
            }

            if (burst.Exists(click => IsSameProgram(click, before)))
            {
                found[before].Remove(Reasons.NearBurst);
                found[before].Add(Reasons.BeforeBurst);
            }
            else if (burst.Exists(click => IsSameNetwork(click, before)) && !found[before].Contains(Reasons.NearBurst))
            {
                found[before].Add(Reasons.NearBurst);
            }
        }
    }

    // The check is the click that looks more like a machine, or the first click. Two requests of one person through two
    // addresses of a relay look similar, and are no pair.
    private void AddPairs(Dictionary<StoredEvent, List<Reason>> found, StoredEvent[] clicks)
    {
        for (var first = 0; first < clicks.Length; first++)
        {
            var latest = clicks[first].Micros + _pair;
            for (var next = first + 1; next < clicks.Length && clicks[next].Micros <= latest; next++)
            {
                var (one, other) = (clicks[first], clicks[next]);
                if (one.Link != other.Link || one.Ordinal != other.Ordinal
                    || one.Address is null || other.Address is null
                    || IsSameNetwork(one, other) || (one.UserAgent == other.UserAgent && one.Score == other.Score)
                    || found[one].Count > 0 || found[other].Count > 0
                    || one.Verdict.IsMachine() || other.Verdict.IsMachine())
                {
                    continue;
                }

                found[other.Score > one.Score ? other : one].Add(Reasons.SafeLinksPair);
            }
        }
    }

    private static bool IsSameProgram(StoredEvent one, StoredEvent other) =>
        one.UserAgent is not null && one.UserAgent == other.UserAgent && IsSameNetwork(one, other);

    // Compares the part of an address that the strictest address policy keeps: /24 and /48.
    private static bool IsSameNetwork(StoredEvent one, StoredEvent other)
    {
        if (one.Address is null || other.Address is null)
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[32];
        return Network(one.Address, bytes) is var length && length == Network(other.Address, bytes[16..])
            && bytes[..length].SequenceEqual(bytes.Slice(16, length));
    }

    private static int Network(IPAddress address, Span<byte> bytes)
    {
        address = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        address.TryWriteBytes(bytes, out var length);
        return length == 4 ? 3 : 6;
    }

    private static long Micros(TimeSpan span) => span.Ticks / TimeSpan.TicksPerMicrosecond;
}

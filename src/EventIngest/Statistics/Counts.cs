using System.Globalization;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.EventIngest.Statistics;

/// <summary>The key of a change of <c>ingest.counts</c>.</summary>
/// <param name="Cluster">The cluster's number.</param>
/// <param name="Generation">The counters that it belongs to.</param>
/// <param name="Dimension">What it is about.</param>
/// <param name="Bucket">A quarter of an hour: <see cref="CountBucket"/>.</param>
/// <param name="Number">A link, or the part and position of one; 0 elsewhere.</param>
/// <param name="Text">Everything else; empty for links and positions.</param>
internal readonly record struct CountKey(
    int Cluster, int Generation, CountDimension Dimension, int Bucket, ulong Number, string Text)
{
    /// <summary>The column <c>key</c>.</summary>
    public string Key => Dimension switch
    {
        CountDimension.Link => new LinkId(Number).ToString(),
        CountDimension.Position => string.Create(
            CultureInfo.InvariantCulture, $"{(uint)(Number >> 32)}.{(uint)Number}"),
        _ => Text,
    };

    public bool Equals(CountKey other) => Number == other.Number && Bucket == other.Bucket && Cluster == other.Cluster
        && Dimension == other.Dimension && Generation == other.Generation && Text == other.Text;

    // The generated hash asks six comparers; a link's bits are a hash already.
    public override int GetHashCode() => HashCode.Combine(
        (int)Number ^ (int)(Number >> 32), Bucket, Cluster, ((int)Dimension << 24) ^ Generation,
        Text.Length == 0 ? 0 : Text.GetHashCode());
}

/// <summary>What is added to a row of <c>ingest.counts</c>.</summary>
internal struct Counts
{
    public int ClicksPeople;
    public int ClicksMachines;
    public int OpensPeople;
    public int OpensMachines;
    public int Others;
    public int FirstClicksPeople;
    public int FirstClicksMachines;
    public int FirstClicks;
    public int FirstOpensPeople;
    public int FirstOpensMachines;
    public int FirstOpens;

    /// <summary>Whether it adds anything.</summary>
    public readonly bool IsNothing =>
        (ClicksPeople | ClicksMachines | OpensPeople | OpensMachines | Others | FirstClicksPeople | FirstClicksMachines
            | FirstClicks | FirstOpensPeople | FirstOpensMachines | FirstOpens) == 0;

    /// <summary>Counts an event.</summary>
    public void AddEvent(LinkKind kind, bool isMachine)
    {
        switch (kind, isMachine)
        {
            case (LinkKind.Click, false): ClicksPeople++; break;
            case (LinkKind.Click, true): ClicksMachines++; break;
            case (LinkKind.Open, false): OpensPeople++; break;
            case (LinkKind.Open, true): OpensMachines++; break;
            default: Others++; break;
        }
    }

    /// <summary>Takes away events and firsts.</summary>
    public void TakeAway(in Counts other)
    {
        ClicksPeople -= other.ClicksPeople;
        ClicksMachines -= other.ClicksMachines;
        OpensPeople -= other.OpensPeople;
        OpensMachines -= other.OpensMachines;
        Others -= other.Others;
        FirstClicksPeople -= other.FirstClicksPeople;
        FirstClicksMachines -= other.FirstClicksMachines;
        FirstClicks -= other.FirstClicks;
        FirstOpensPeople -= other.FirstOpensPeople;
        FirstOpensMachines -= other.FirstOpensMachines;
        FirstOpens -= other.FirstOpens;
    }

    /// <summary>Adds or takes away a first.</summary>
    public void AddFirst(LinkKind kind, Who who, int number)
    {
        switch (kind, who)
        {
            case (LinkKind.Click, Who.People): FirstClicksPeople += number; break;
            case (LinkKind.Click, Who.Machines): FirstClicksMachines += number; break;
            case (LinkKind.Click, _): FirstClicks += number; break;
            case (_, Who.People): FirstOpensPeople += number; break;
            case (_, Who.Machines): FirstOpensMachines += number; break;
            default: FirstOpens += number; break;
        }
    }
}

/// <summary>Whose first moment it is.</summary>
internal enum Who
{
    /// <summary>A person's.</summary>
    People,

    /// <summary>A recognised machine's.</summary>
    Machines,

    /// <summary>Whoever came first.</summary>
    Anybody,
}

using System.Globalization;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.EventIngest.Statistics;

/// <summary>The key of a change of <c>ingest.counts</c>, within a cluster and its generation.</summary>
/// <param name="Dimension">What is counted.</param>
/// <param name="Bucket">A quarter of an hour: <see cref="CountBucket"/>.</param>
/// <param name="Number">A link, or the part and position of a link; 0 for other dimensions.</param>
/// <param name="Text">The key of every other dimension; empty for links and positions.</param>
internal readonly record struct CountKey(CountDimension Dimension, int Bucket, ulong Number, string Text)
{
    /// <summary>The column <c>key</c>.</summary>
    public string Key => Dimension switch
    {
        CountDimension.Link => new LinkId(Number).ToString(),
        CountDimension.Position => string.Create(
            CultureInfo.InvariantCulture, $"{(uint)(Number >> 32)}.{(uint)Number}"),
        _ => Text,
    };

    public bool Equals(CountKey other) => Number == other.Number && Bucket == other.Bucket
        && Dimension == other.Dimension && Text == other.Text;

    // The generated hash code calls four comparers. The bits of a link's id are already a hash.
    public override int GetHashCode() => HashCode.Combine(
        (int)Number ^ (int)(Number >> 32), Bucket ^ ((int)Dimension << 28), Text.Length == 0 ? 0 : Text.GetHashCode());
}

/// <summary>The numbers that are added to a row of <c>ingest.counts</c>.</summary>
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
    public int Openers;

    /// <summary>Whether all numbers are 0.</summary>
    public readonly bool IsNothing =>
        (ClicksPeople | ClicksMachines | OpensPeople | OpensMachines | Others | FirstClicksPeople | FirstClicksMachines
            | FirstClicks | FirstOpensPeople | FirstOpensMachines | FirstOpens | Openers) == 0;

    /// <summary>Adds or subtracts an event.</summary>
    /// <param name="kind">The kind of the requested link.</param>
    /// <param name="isMachine">Whether a recognised machine caused it.</param>
    /// <param name="number">1 to add, -1 to subtract.</param>
    public void AddEvent(LinkKind kind, bool isMachine, int number)
    {
        switch (kind, isMachine)
        {
            case (LinkKind.Click, false): ClicksPeople += number; break;
            case (LinkKind.Click, true): ClicksMachines += number; break;
            case (LinkKind.Open, false): OpensPeople += number; break;
            case (LinkKind.Open, true): OpensMachines += number; break;
            default: Others += number; break;
        }
    }

    /// <summary>Adds or subtracts a first click or open.</summary>
    /// <param name="kind">The kind of the requested link: a click or an open.</param>
    /// <param name="who">For whom it is the first; with several flags, it is counted for each.</param>
    /// <param name="number">1 to add, -1 to subtract.</param>
    public void AddFirst(LinkKind kind, Who who, int number)
    {
        var people = (who & Who.People) != 0 ? number : 0;
        var machines = (who & Who.Machines) != 0 ? number : 0;
        var anybody = (who & Who.Anybody) != 0 ? number : 0;
        Openers += (who & Who.Opener) != 0 ? number : 0;
        if (kind == LinkKind.Click)
        {
            FirstClicksPeople += people;
            FirstClicksMachines += machines;
            FirstClicks += anybody;
        }
        else
        {
            FirstOpensPeople += people;
            FirstOpensMachines += machines;
            FirstOpens += anybody;
        }
    }
}

/// <summary>For whom a click or open is the first.</summary>
[Flags]
internal enum Who
{
    /// <summary>For nobody.</summary>
    None = 0,

    /// <summary>For people.</summary>
    People = 1,

    /// <summary>For recognised machines.</summary>
    Machines = 2,

    /// <summary>For people and machines together.</summary>
    Anybody = 4,

    /// <summary>For people, opens and clicks taken together.</summary>
    Opener = 8,
}

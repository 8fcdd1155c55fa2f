using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.EventIngest.Statistics;

/// <summary>Clicks and opens of a message on one day.</summary>
internal struct DayTally
{
    public int ClicksPeople;
    public int ClicksMachines;
    public int OpensPeople;
    public int OpensMachines;

    public readonly int Clicks => ClicksPeople + ClicksMachines;

    public readonly int Opens => OpensPeople + OpensMachines;

    public void Add(LinkKind kind, bool isMachine)
    {
        switch (kind, isMachine)
        {
            case (LinkKind.Click, false): ClicksPeople++; break;
            case (LinkKind.Click, true): ClicksMachines++; break;
            case (LinkKind.Open, false): OpensPeople++; break;
            case (LinkKind.Open, true): OpensMachines++; break;
            default: break;
        }
    }

    public void Add(in DayTally other)
    {
        ClicksPeople += other.ClicksPeople;
        ClicksMachines += other.ClicksMachines;
        OpensPeople += other.OpensPeople;
        OpensMachines += other.OpensMachines;
    }
}

/// <summary>The counts of one message: its row of <c>ingest.message_counts</c>, and the numbers to add to its rows of
/// <c>ingest.message_days</c>.</summary>
internal sealed class MessageTally(int cluster, MessageKey message, MessageAttributes attributes)
{
    private const long MicrosPerDay = CountBucket.Micros * CountBucket.PerDay;

    private DayTally _home;
    private SortedDictionary<int, DayTally>? _days;

    public int Cluster { get; } = cluster;

    public MessageKey Message { get; } = message;

    public MessageAttributes Attributes { get; } = attributes;

    public int HomeDay { get; private set; } = -1;

    public DayTally Home => _home;

    /// <summary>The clicks of all days.</summary>
    public int Clicks { get; private set; }

    /// <summary>The opens of all days.</summary>
    public int Opens { get; private set; }

    public int Generation { get; set; }

    public FirstMoments Firsts { get; private set; } = new();

    /// <summary>The first moments that were counted here before the stored row was included; <see langword="null"/>
    /// without a stored row.</summary>
    public FirstMoments? Added { get; private set; }

    /// <summary>The first moments of the stored row; <see langword="null"/> without a stored row.</summary>
    public FirstMoments? Before { get; private set; }

    /// <summary>The days other than the home day.</summary>
    public IReadOnlyCollection<KeyValuePair<int, DayTally>> Days =>
        _days ?? (IReadOnlyCollection<KeyValuePair<int, DayTally>>)[];

    public short Weight => FirstMoments.WeightOf(Clicks, Opens);

    /// <summary>The day of a moment.</summary>
    public static int DayOf(long micros) => (int)(micros / MicrosPerDay);

    /// <summary>Notes an event that counts nowhere. The message's row is written all the same, because a revision of
    /// the verdict locks that row.</summary>
    public int See(in CountedEvent counted)
    {
        var day = DayOf(counted.TimeMicros);
        if (HomeDay < 0)
        {
            HomeDay = day;
        }

        return day;
    }

    /// <summary>Counts an event. The first event determines the home day.</summary>
    public void Add(in CountedEvent counted)
    {
        var day = See(counted);
        Clicks += counted.Kind == LinkKind.Click ? 1 : 0;
        Opens += counted.Kind == LinkKind.Open ? 1 : 0;
        Firsts.Add(
            counted.Kind, counted.IsMachine, new FirstMoment(counted.TimeMicros, counted.Client), counted.Ordinal,
            counted.Link);
        if (day == HomeDay)
        {
            _home.Add(counted.Kind, counted.IsMachine);
        }
        else if (counted.Kind <= LinkKind.Open)
        {
            _days ??= [];
            var tally = _days.GetValueOrDefault(day);
            tally.Add(counted.Kind, counted.IsMachine);
            _days[day] = tally;
        }
    }

    /// <summary>Includes a stored row: this becomes the row, with the events that were counted here.</summary>
    public void Continue(StoredMessage stored)
    {
        Generation = stored.Generation;
        Continue(stored.HomeDay, stored.Home, stored.Clicks, stored.Opens, stored.Firsts);
    }

    /// <summary>Includes the part of a row that stays.</summary>
    public void Continue(int homeDay, in DayTally home, int clicks, int opens, FirstMoments firsts)
    {
        if (homeDay != HomeDay && HomeDay >= 0)
        {
            (_days ??= [])[HomeDay] = _home;
            if (_home.Clicks + _home.Opens == 0)
            {
                _days.Remove(HomeDay);
            }

            _home = _days.GetValueOrDefault(homeDay);
            _days.Remove(homeDay);
        }

        HomeDay = homeDay;
        _home.Add(home);
        Clicks += clicks;
        Opens += opens;
        (Added, Before) = (Firsts, firsts);
        Firsts = firsts.Copy();
        Firsts.Add(Added);
    }
}

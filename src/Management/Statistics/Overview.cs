using Tracking.Links;

namespace Tracking.Management.Statistics;

/// <summary>The period of an overview, and the length of its steps.</summary>
public enum OverviewPeriod
{
    /// <summary>24 hours, by the hour.</summary>
    Day,

    /// <summary>7 days, by the hour.</summary>
    Week,

    /// <summary>30 days, by the day.</summary>
    Month,

    /// <summary>52 weeks, by the week.</summary>
    Year,
}

/// <summary>The selection of an overview.</summary>
internal sealed record OverviewQuery
{
    public required ClusterId Cluster { get; init; }

    public OverviewPeriod Period { get; init; } = OverviewPeriod.Week;

    /// <summary>The time zone in which days and hours begin, also when clocks change.</summary>
    public TimeZoneInfo Zone { get; init; } = TimeZoneInfo.Utc;

    /// <summary>Whether events of recognised machines are counted too.</summary>
    public bool WithMachines { get; init; }

    public LinkId? Link { get; init; }

    public MessageKey? Message { get; init; }

    public string? Tag { get; init; }

    /// <summary>A tracking host.</summary>
    public string? Host { get; init; }

    /// <summary>The largest number of rows of each list.</summary>
    public int Rows { get; init; } = 6;
}

/// <summary>One step of time.</summary>
/// <param name="At">The beginning of the step.</param>
/// <param name="Clicks">The selected clicks.</param>
/// <param name="Opens">The selected opens.</param>
/// <param name="Machines">Clicks and opens of recognised machines.</param>
/// <param name="ClicksBefore">The clicks in the same step of the previous period.</param>
public sealed record OverviewPoint(DateTimeOffset At, long Clicks, long Opens, long Machines, long ClicksBefore);

/// <summary>The sums of a period.</summary>
/// <param name="Clicks">The selected clicks.</param>
/// <param name="Opens">The selected opens.</param>
/// <param name="Clicked">Messages whose first selected click is in the period. With a message filter, or with several
/// filters: messages with a selected click. One message has one recipient.</param>
/// <param name="Openers">Messages that a person opened or clicked in for the first time; of one message, or under
/// several filters, that a person opened or clicked in.</param>
/// <param name="Machines">Clicks and opens of recognised machines.</param>
/// <param name="Everything">Clicks and opens of people and machines together.</param>
/// <param name="Messages">The number of rewritten messages.</param>
public sealed record OverviewTotals(
    long Clicks, long Opens, long Clicked, long Openers, long Machines, long Everything, long Messages);

/// <summary>A row of a list. The rows with the most clicks come first.</summary>
/// <param name="Key">The value with which the overview can be filtered.</param>
/// <param name="Label">The text that people read.</param>
/// <param name="Clicks">Clicks.</param>
/// <param name="Opens">Opens.</param>
/// <param name="Clicked">Messages whose first click is in this row.</param>
public sealed record OverviewRow(string Key, string Label, long Clicks, long Opens, long Clicked);

/// <summary>The lists of an overview.</summary>
/// <param name="Links">By destination.</param>
/// <param name="Messages">By message.</param>
/// <param name="Tags">By tag.</param>
/// <param name="Hosts">By tracking host.</param>
/// <param name="Since">The beginning of the time that the lists cover, because they are made from the latest events
/// only; null if they cover the whole period.</param>
public sealed record OverviewLists(
    IReadOnlyList<OverviewRow> Links,
    IReadOnlyList<OverviewRow> Messages,
    IReadOnlyList<OverviewRow> Tags,
    IReadOnlyList<OverviewRow> Hosts,
    DateTimeOffset? Since);

/// <summary>The overview of a cluster in a period.</summary>
/// <param name="Points">The steps in the order of time; the last step has not ended.</param>
/// <param name="To">The end of the last step.</param>
/// <param name="Totals">The sums of the period.</param>
/// <param name="Before">The sums of the previous period, which has the same length.</param>
/// <param name="Lists">The lists.</param>
public sealed record Overview(
    IReadOnlyList<OverviewPoint> Points,
    DateTimeOffset To,
    OverviewTotals Totals,
    OverviewTotals Before,
    OverviewLists Lists);

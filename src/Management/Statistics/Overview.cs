using Tracking.Links;

namespace Tracking.Management.Statistics;

/// <summary>How far an overview looks back, and in what steps.</summary>
public enum OverviewPeriod
{
    /// <summary>24 hours.</summary>
    Day,

    /// <summary>7 days, by the hour.</summary>
    Week,

    /// <summary>30 days.</summary>
    Month,

    /// <summary>52 weeks.</summary>
    Year,
}

/// <summary>What an overview is asked for.</summary>
internal sealed record OverviewQuery
{
    public required ClusterId Cluster { get; init; }

    public OverviewPeriod Period { get; init; } = OverviewPeriod.Week;

    /// <summary>Days and hours begin as they do there, also when clocks are changed.</summary>
    public TimeZoneInfo Zone { get; init; } = TimeZoneInfo.Utc;

    /// <summary>Whether recognised machines are counted too.</summary>
    public bool WithMachines { get; init; }

    public LinkId? Link { get; init; }

    public MessageKey? Message { get; init; }

    public string? Tag { get; init; }

    /// <summary>A tracking host.</summary>
    public string? Host { get; init; }

    /// <summary>Rows of each list at most.</summary>
    public int Rows { get; init; } = 6;
}

/// <summary>One step of time.</summary>
/// <param name="At">When it begins.</param>
/// <param name="Clicks">Clicks, of those asked for.</param>
/// <param name="Opens">Opens, of those asked for.</param>
/// <param name="Machines">Clicks and opens of recognised machines.</param>
/// <param name="ClicksBefore">Clicks in the same step of the period before.</param>
public sealed record OverviewPoint(DateTimeOffset At, long Clicks, long Opens, long Machines, long ClicksBefore);

/// <summary>Sums of a period.</summary>
/// <param name="Clicks">Clicks, of those asked for.</param>
/// <param name="Opens">Opens, of those asked for.</param>
/// <param name="Clicked">Messages that those asked for clicked in for the first time; of one message, or under several
/// filters, that they clicked in. One message is one recipient.</param>
/// <param name="Openers">Messages that a person opened or clicked in for the first time; of one message, or under
/// several filters, that a person opened or clicked in.</param>
/// <param name="Machines">Clicks and opens of recognised machines.</param>
/// <param name="Everything">Clicks and opens of people and machines.</param>
/// <param name="Messages">Messages rewritten.</param>
public sealed record OverviewTotals(
    long Clicks, long Opens, long Clicked, long Openers, long Machines, long Everything, long Messages);

/// <summary>A row of a list, most clicks first.</summary>
/// <param name="Key">What filters by it.</param>
/// <param name="Label">What it is called.</param>
/// <param name="Clicks">Clicks.</param>
/// <param name="Opens">Opens.</param>
/// <param name="Clicked">Messages whose first click it was.</param>
public sealed record OverviewRow(string Key, string Label, long Clicks, long Opens, long Clicked);

/// <summary>What it happened to.</summary>
/// <param name="Links">By where they lead.</param>
/// <param name="Messages">By message.</param>
/// <param name="Tags">By tag.</param>
/// <param name="Hosts">By tracking host.</param>
/// <param name="Since">The lists begin only then: they are made from the latest events. Null: the whole period.</param>
public sealed record OverviewLists(
    IReadOnlyList<OverviewRow> Links,
    IReadOnlyList<OverviewRow> Messages,
    IReadOnlyList<OverviewRow> Tags,
    IReadOnlyList<OverviewRow> Hosts,
    DateTimeOffset? Since);

/// <summary>A cluster in a period.</summary>
/// <param name="Points">In order of time; the last one is under way.</param>
/// <param name="To">The end of the last point.</param>
/// <param name="Totals">The period.</param>
/// <param name="Before">The period before, as long.</param>
/// <param name="Lists">What it happened to.</param>
public sealed record Overview(
    IReadOnlyList<OverviewPoint> Points,
    DateTimeOffset To,
    OverviewTotals Totals,
    OverviewTotals Before,
    OverviewLists Lists);

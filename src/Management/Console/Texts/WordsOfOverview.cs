using System.Globalization;
using Tracking.Management.Statistics;

namespace Tracking.Management.Console.Texts;

internal static partial class Words
{
    /// <summary>A whole number.</summary>
    public static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A share of a whole. A very small share is not shown as zero.</summary>
    public static string Share(long part, long whole) => (part, whole) switch
    {
        (_, 0) or (0, _) => "0 %",
        _ when part * 1000 < whole => "< 0.1 %",
        _ when part * 10 < whole => (100.0 * part / whole).ToString("0.0", CultureInfo.InvariantCulture) + " %",
        _ => (100.0 * part / whole).ToString("0", CultureInfo.InvariantCulture) + " %",
    };

    /// <summary>The overview.</summary>
    internal static class Of
    {
        public const string Period = "Period";
        public const string Who = "Who";
        public const string People = "People";
        public const string All = "All traffic";
        public const string Clicks = "Clicks";
        public const string Opens = "Opens";
        public const string Clicked = "Recipients who clicked";
        public const string Openers = "Recipients who opened";
        public const string OpenersTitle =
            "By a picture that a person loaded, or by a person's click: many mail programs load no pictures.";
        public const string MachinesOut = "Machines left out";
        public const string MachinesIn = "Machines counted in";
        public const string MessagesSent = "Messages";
        public const string Chart = "Opens and clicks";
        public const string LegendOpens = "opens";
        public const string LegendClicks = "clicks";
        public const string LegendMachines = "machines";
        public const string From = "From";
        public const string LinksClicked = "Links people clicked";
        public const string LinksAll = "Links clicked";
        public const string Link = "Link";
        public const string Message = "Message";
        public const string Messages = "Messages";
        public const string Tags = "Tags";
        public const string Tag = "Tag";
        public const string Hosts = "Tracking hosts";
        public const string Host = "Host";
        public const string ShareHead = "Share";
        public static string ListsSince(string moment) =>
            $"With this filter the lists show the latest {Number(ReadFilteredOverview.Latest)} events of the cluster: since {moment}.";

        public const string NoRows = "Nothing in this period.";
        public const string NoTags = "No message had a tag. Set them with the header X-Tracking-Tags.";
        public const string OpenLive = "Open";
        public const string LatestEvents = "Latest";
        public const string ChartKeys = "Opens and clicks over time; arrow keys move through the values";
        public const string NeedsYou = "Needs you";
        public const string ShowDns = "Show what DNS says";
        public const string NoMail = "No mail yet";
        public const string NoMailText = "Hand over a first message, by your mail server or by hand:";
        public const string NothingTracked = "Tracking is off";
        public const string NothingTrackedText = "This cluster rewrites nothing yet. Turn on clicks, opens or both:";
        public const string TurnOn = "Open the settings";

        public static readonly (OverviewPeriod Period, string Word, string Text)[] Periods =
        [
            (OverviewPeriod.Day, "day", "24 hours"), (OverviewPeriod.Week, "week", "7 days"),
            (OverviewPeriod.Month, "month", "30 days"), (OverviewPeriod.Year, "year", "12 months"),
        ];

        public static string Before(OverviewPeriod period) => period switch
        {
            OverviewPeriod.Day => "the day before",
            OverviewPeriod.Week => "the week before",
            OverviewPeriod.Month => "the 30 days before",
            _ => "the year before",
        };

        public static string ClicksBefore(OverviewPeriod period) => $"clicks, {Before(period)}";

        public static string Change(long now, long before, OverviewPeriod period)
        {
            if (before == 0)
            {
                return now == 0 ? $"none, as {Before(period)}" : $"none {Before(period)}";
            }

            var percent = Math.Round(100.0 * (now - before) / before);
            return percent switch
            {
                0 => $"as {Before(period)}",
                > 999 => $"↑ over 10 times {Before(period)}",
                > 0 => $"↑ {percent.ToString(CultureInfo.InvariantCulture)} % on {Before(period)}",
                _ => $"↓ {(-percent).ToString(CultureInfo.InvariantCulture)} % on {Before(period)}",
            };
        }

        public static string OfMessages(long clicked, long messages) =>
            messages == 0 ? "of mail sent earlier" : $"{Share(clicked, messages)} of {Number(messages)} messages";

        public static string OfTraffic(long machines, long everything) =>
            $"{Share(machines, everything)} of all traffic";

        public static string ChartTitle(string from, string to, bool withMachines) =>
            withMachines ? $"Opens and clicks of people and machines, {from} to {to}" : $"Opens and clicks by people, {from} to {to}";

        public static string ChartText(long opens, long clicks, string busiest) =>
            $"{Number(opens)} opens and {Number(clicks)} clicks; most clicks at {busiest}. The table below has every value.";

        public static string RemoveFilter(string what) => $"Remove the filter {what}";

        public static string FirstMail(string cluster) => $"trackctl rewrite message.eml --cluster {cluster}";
    }
}

using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Tracking.Certificates;
using Tracking.Certificates.Acme;
using Tracking.Certificates.Renewal;
using Tracking.Links;

namespace Tracking.Benchmarks;

/// <summary>
/// Counts the renewals of 100,000 names in each hour of two years. The times come from the functions that the
/// certificate service uses, and one clock jumps from name to name. No authority and no database takes part.
/// </summary>
internal static class RenewCertificatesForYears
{
    private const int Names = 100_000;
    private const int Hours = 2 * 365 * 24;

    // Boulder's suggested window begins and ends a hundredth of the life from the time at which a third of the life is
    // left, or half of it below ten days.
    private const double Margin = 1.0 / 100;

    private static readonly DateTimeOffset _start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan _short = TimeSpan.FromDays(10);

    private static readonly (string Name, TimeSpan Life)[] _profiles =
    [
        ("64 days (`classic` from February 2027)", TimeSpan.FromDays(64)),
        ("45 days (`tlsserver`)", TimeSpan.FromDays(45)),
        ("160 hours (`shortlived`)", TimeSpan.FromHours(160)),
    ];

    public static async Task RunAsync()
    {
        var hosts = Enumerable.Range(0, Names).Select(Host).ToArray();
        var orders = new AuthoritySettings().Orders;
        var allowed = 1 / orders.Refill.TotalHours;
        var firstOrders = orders.Refill * (Names - orders.Capacity);
        var rows = new StringBuilder();
        foreach (var (profile, life) in _profiles)
        {
            foreach (var isAtOnce in (bool[])[false, true])
            {
                foreach (var hasWindow in (bool[])[true, false])
                {
                    var hours = Count(hosts, life, orders, isAtOnce, hasWindow);
                    var steady = hours[(Hours / 2)..];
                    var mean = steady.Average();
                    rows.AppendLine(CultureInfo.InvariantCulture, $"| {profile} | {(isAtOnce ? "all within one hour" : "at the limit of orders")} | "
                        + $"{(hasWindow ? "the authority's window" : "our own rule")} | {hours.Max():N0} | {steady.Max():N0} | {mean:N0} | "
                        + $"{(hasWindow ? "count against no limit" : mean <= allowed ? "yes" : $"**no**: {allowed:N0} an hour")} |");
                }
            }
        }

        var text = string.Create(CultureInfo.InvariantCulture, $"""
            # Renewals of 100,000 certificates

            Written by `dotnet run -c Release --project tests/Benchmarks -- renewals`.

            {Names:N0} names whose first certificates are ordered either at the authority's limit of orders (the default,
            {orders.Capacity} at once and {allowed:N0} an hour: it takes {firstOrders.TotalDays:F0} days) or all within one hour (an exception of the authority). Each
            certificate is renewed at an instant of the authority's window (RFC 9773; windows as Let's Encrypt's
            Boulder suggests them) or, where the authority offers none, by our own rule. Simulated for two years with
            the functions that the service uses; the last column is about the default limit of orders.

            | life | first orders | renewed by | most in an hour, two years | most in an hour, second year | an hour on average | within the limit |
            |---|---|---|---|---|---|---|
            {rows.ToString().TrimEnd()}

            Renewals in the authority's window count against no limit. An authority without RFC 9773 and with the
            limits of Let's Encrypt could not renew 100,000 certificates in time.

            """);
        Console.WriteLine(text);
        var folder = Path.Combine(Path.GetDirectoryName(SourceFile())!, "Results");
        await File.WriteAllTextAsync(Path.Combine(folder, "renewals.md"), text);
    }

    private static int[] Count(
        HostName[] hosts, TimeSpan life, BucketSettings orders, bool isAtOnce, bool hasWindow)
    {
        var hours = new int[Hours];
        var end = _start.AddHours(Hours);
        for (var number = 0; number < hosts.Length; number++)
        {
            var issued = isAtOnce
                ? _start + (TimeSpan.FromHours(1) * ((double)number / hosts.Length))
                : _start + (orders.Refill * Math.Max(0, number - orders.Capacity));
            for (var now = Renew(hosts[number], issued, life, hasWindow); now < end;
                now = Renew(hosts[number], now, life, hasWindow))
            {
                hours[(int)(now - _start).TotalHours]++;
            }
        }

        return hours;
    }

    // Authorities date certificates an hour back.
    private static DateTimeOffset Renew(HostName host, DateTimeOffset issued, TimeSpan life, bool hasWindow)
    {
        var (from, until) = (issued.AddHours(-1), issued.AddHours(-1) + life);
        if (!hasWindow)
        {
            return RenewalTime.Of(host, from, until);
        }

        var ideal = until - (life < _short ? life / 2 : life / 3);
        var window = new RenewalInformation(
            ideal - (life * Margin), ideal + (life * Margin), null, RenewalInformation.Usual);
        return RenewalTime.Within(window.ChooseInstant(), from, until);
    }

    private static HostName Host(int number) =>
        HostName.TryParse($"track{number}.example.com", out var host)
            ? host
            : throw new InvalidOperationException($"{number} makes no name.");

    private static string SourceFile([CallerFilePath] string path = "") => path;
}

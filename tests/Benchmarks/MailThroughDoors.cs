using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using Tracking.Servers;

namespace Tracking.Benchmarks;

/// <summary>
/// Measures the cost of the SMTP filter and of the milter for an MTA. The newsletter goes through a real Postfix to a
/// sink, with the SMTP filter after the queue or the milter in the session. Each is compared, in the same run and with
/// the same Postfix, with a filter that only copies bytes or a milter that only accepts. Rounds alternate. The rate is
/// measured with messages sent as fast as Postfix takes them. The p99 is the time from the first command to the
/// arrival, at half of the slower rate of the first round.
/// </summary>
internal static class MailThroughDoors
{
    private const int Connections = 8;

    /// <param name="messages">The number of messages of a round.</param>
    /// <param name="rounds">The number of rounds after one that warms up.</param>
    public static async Task RunAsync(int messages, int rounds)
    {
        var newsletter = new Newsletter().Message;
        var ports = FreePort.Take(9);
        var (back, smtp, milter, copying, accepting) = (ports[0], ports[1], ports[2], ports[3], ports[4]);
        await using var standalone = await StandaloneProcess.StartAsync(default, null, new Dictionary<string, string>
        {
            ["Tracking__SmtpFilter__Listen"] = $"127.0.0.1:{smtp}",
            ["Tracking__SmtpFilter__NextHop"] = $"127.0.0.1:{back}",
            ["Tracking__Milter__Listen"] = $"127.0.0.1:{milter}",
        });
        await CreateClusterAsync(standalone);
        await using var mail = new BenchMail(newsletter);
        await using var copies = ForwardOnly.Smtp(copying, back);
        await using var accepts = ForwardOnly.Milter(accepting);
        await using var postfix = await PostfixProcess.StartAsync(
            mail.Port,
            "",
            (_, port) =>
            $"""
            127.0.0.1:{port} inet n - n - - smtpd
            {Entry(ports[5], $"content_filter=only:[127.0.0.1]:{copying}")}
            {Entry(ports[6], $"content_filter=tracking:[127.0.0.1]:{smtp}")}
            {Entry(ports[7], $"smtpd_milters=inet:127.0.0.1:{accepting}")}
            {Entry(ports[8], $"smtpd_milters=inet:127.0.0.1:{milter}")}
            only unix - - n - 10 smtp
              -o smtp_send_xforward_command=yes
            tracking unix - - n - 10 smtp
              -o smtp_send_xforward_command=yes
            127.0.0.1:{back} inet n - n - 20 smtpd
              -o content_filter=
              -o smtpd_authorized_xforward_hosts=127.0.0.0/8
              -o receive_override_options=no_unknown_recipient_checks,no_address_mappings

            """);

        (string Name, int Port)[] ways =
        [
            ("SMTP, only forwarding", ports[5]), ("SMTP, Tracking", ports[6]),
            ("milter, only accepting", ports[7]), ("milter, Tracking", ports[8]),
        ];
        var rates = ways.ToDictionary(way => way.Name, _ => new List<double>());
        var p99s = ways.ToDictionary(way => way.Name, _ => new List<double>());
        foreach (var (_, port) in ways)
        {
            await mail.RunAsync(port, Math.Max(Connections, messages / 4), Connections, TimeSpan.Zero);
        }

        var pause = TimeSpan.Zero;
        for (var round = 0; round < rounds; round++)
        {
            foreach (var (name, port) in ways)
            {
                rates[name].Add((await mail.RunAsync(port, messages, Connections, TimeSpan.Zero)).Rate);
            }

            if (round == 0)
            {
                pause = TimeSpan.FromSeconds(2 * Connections / rates.Values.Min(rate => rate[0]));
            }

            foreach (var (name, port) in ways)
            {
                p99s[name].Add((await mail.RunAsync(port, messages / 2, Connections, pause)).P99);
            }
        }

        Report(newsletter.Length, messages, rounds, ways, rates, p99s);
    }

    private static string Entry(int port, string option) =>
        $"127.0.0.1:{port} inet n - n - - smtpd\n  -o {option}";

    private static async Task CreateClusterAsync(StandaloneProcess standalone)
    {
        using var http = new HttpClient { BaseAddress = standalone.Api };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", standalone.AdminKey);
        using var answer = await http.PostAsJsonAsync(
            "/api/v1/clusters",
            new
            {
                name = "doors",
                sendingDomains = new[] { "example.org" },
                settings = new { trackClicks = true, trackOpens = true },
            });
        answer.EnsureSuccessStatusCode();
    }

    private static void Report(
        int size,
        int messages,
        int rounds,
        (string Name, int Port)[] ways,
        Dictionary<string, List<double>> rates,
        Dictionary<string, List<double>> p99s)
    {
        Write($"{rounds} rounds of {messages} messages of {size} bytes, {Connections} connections; medians");
        Write($"");
        Write($"| way | messages/s | of only forwarding | p99 at half load, ms |");
        Write($"|---|---|---|---|");
        for (var i = 0; i < ways.Length; i++)
        {
            var name = ways[i].Name;
            var ratios = rates[name].Zip(rates[ways[i / 2 * 2].Name], (own, other) => own / other).ToList();
            Write($"| {name} | {Median(rates[name]):0} | {Median(ratios):0.00} | {Median(p99s[name]):0} |");
        }
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static void Write(FormattableString text) =>
        Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}

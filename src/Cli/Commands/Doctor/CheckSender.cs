using DnsClient;
using DnsClient.Protocol;

namespace Tracking.Cli.Commands.Doctor;

/// <summary>Checks the domain of the notices' sender: mail servers expect MX records, and an SPF record (RFC 7208) that
/// names the sending servers.</summary>
internal static class CheckSender
{
    private const string SpfVersion = "v=spf1";

    /// <summary>Checks MX and SPF.</summary>
    public static async Task<IReadOnlyList<DoctorRow>> RunAsync(
        AskDns dns, DoctorSettings settings, CancellationToken cancellationToken)
    {
        if (settings.SenderDomain is not { } domain)
        {
            return
            [
                new DoctorRow(
                    "sender", "notices", RowState.Skipped, "no mail is sent, Tracking__Notices__Smtp is not set"),
            ];
        }

        return
        [
            await MxAsync(dns, domain.Value, cancellationToken),
            Spf(
                domain.Value, settings.MailServer!,
                await dns.AskAsync(domain.Value, QueryType.TXT, cancellationToken)),
        ];
    }

    private static async Task<DoctorRow> MxAsync(AskDns dns, string domain, CancellationToken cancellationToken)
    {
        const string should = "an MX record that leads to a mail server with an address";
        const string enter = "Enter an MX record, or set Tracking__Notices__From to an address that takes mail: many "
            + "mail servers refuse senders who cannot be answered.";
        var says = await dns.AskAsync(domain, QueryType.MX, cancellationToken);
        if (says.Failure is { } failure)
        {
            return new DoctorRow("sender-mx", domain, RowState.Wrong, failure, should);
        }

        var servers = says.Of<MxRecord>().OrderBy(record => record.Preference)
            .Select(record => record.Exchange.Value.TrimEnd('.')).ToList();
        if (servers is [""])
        {
            return new DoctorRow("sender-mx", domain, RowState.Wrong, "MX 0 . (it takes no mail)", should, enter);
        }

        if (servers.Count == 0)
        {
            var (addresses, _) = await dns.AddressesAsync(domain, cancellationToken);
            return addresses.Count > 0
                ? new DoctorRow(
                    "sender-mx", domain, RowState.Warning, $"no MX record; {CheckNames.Shown(addresses)} is used",
                    should, enter)
                : new DoctorRow("sender-mx", domain, RowState.Wrong, "no MX record", should, enter);
        }

        foreach (var server in servers)
        {
            if ((await dns.AddressesAsync(server, cancellationToken)).Addresses.Count > 0)
            {
                return new DoctorRow("sender-mx", domain, RowState.Ok, $"MX {string.Join(", ", servers)}");
            }
        }

        return new DoctorRow(
            "sender-mx", domain, RowState.Wrong, $"MX {string.Join(", ", servers)}, without an address", should, enter);
    }

    private static DoctorRow Spf(string domain, string mailServer, DnsSays says)
    {
        var should = $"one TXT record {SpfVersion} … that names {mailServer}, or what it sends through";
        if (says.Failure is { } failure)
        {
            return new DoctorRow("sender-spf", domain, RowState.Wrong, failure, should);
        }

        var policies = says.Of<TxtRecord>().Select(record => string.Concat(record.Text))
            .Where(text => text.Equals(SpfVersion, StringComparison.OrdinalIgnoreCase)
                || text.StartsWith(SpfVersion + " ", StringComparison.OrdinalIgnoreCase))
            .ToList();
        return policies switch
        {
            [] => new DoctorRow(
                "sender-spf", domain, RowState.Wrong, "no SPF record", should,
                $"Enter a TXT record {SpfVersion} for {domain}."),
            [var policy] when policy.Contains("+all", StringComparison.OrdinalIgnoreCase) => new DoctorRow(
                "sender-spf", domain, RowState.Warning, $"{policy} (everybody may send for it)", should,
                "End it with ~all or -all."),
            [var policy] => new DoctorRow("sender-spf", domain, RowState.Ok, policy),
            _ => new DoctorRow(
                "sender-spf", domain, RowState.Wrong, $"{policies.Count} SPF records, which is as good as none",
                should, "Make one of them (RFC 7208, 4.5)."),
        };
    }
}

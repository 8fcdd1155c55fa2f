using System.Globalization;
using Tracking.Benchmarks;

switch (args)
{
    case ["click-path", .. var rest]:
        return ClickPath.Run(rest);
    case ["clicks-with-ingest"]:
        await ClicksWithIngest.RunAsync();
        return 0;
    case ["doors", .. var rest]:
        await MailThroughDoors.RunAsync(
            rest is [var mails, ..] ? int.Parse(mails, CultureInfo.InvariantCulture) : 2_000,
            rest is [_, var turns] ? int.Parse(turns, CultureInfo.InvariantCulture) : 5);
        return 0;
    case ["ingest-drain"]:
        await IngestDrain.RunAsync();
        return 0;
    case ["rewrite-messages", "profile", var name, var seconds]:
        RewriteMessages.Profile(name, double.Parse(seconds, CultureInfo.InvariantCulture));
        return 0;
    case ["rewrite-messages", .. var rest]:
        RewriteMessages.Run(onlyRows: rest is ["rows"]);
        return 0;
    case ["rewrite-with-registration"]:
        await RewriteWithRegistration.RunAsync();
        return 0;
    case ["rewrite-over-amqp"]:
        await RewriteOverAmqp.RunAsync(share: 1);
        return 0;
    case ["rewrite-over-amqp", var share]:
        await RewriteOverAmqp.RunAsync(double.Parse(share, CultureInfo.InvariantCulture));
        return 0;
    case ["forward-mail", var uri, var settings]:
        await ForwardMail.RunAsync(uri, isTuned: settings == "tuned");
        return 0;
    case ["tracking-hosts", .. var rest]:
        await TrackingHostsInMemory.RunAsync(rest is [var file] ? file : null);
        return 0;
    case ["recheck-domains", .. var rest]:
        await RecheckDomains.RunAsync(rest is [var rounds] ? int.Parse(rounds, CultureInfo.InvariantCulture) : 5);
        return 0;
    case ["renewals"]:
        await RenewCertificatesForYears.RunAsync();
        return 0;
    case ["recheck-day", .. var rest]:
        await RecheckDay.RunAsync(
            rest is [var day] ? int.Parse(day, CultureInfo.InvariantCulture) : 1_000_000);
        return 0;
    case ["list-tracking-domains", .. var rest]:
        await ListTrackingDomains.RunAsync(
            rest is [var times] ? int.Parse(times, CultureInfo.InvariantCulture) : 5);
        return 0;
    case ["statistics", .. var rest]:
        await StatisticsOverManyEvents.RunAsync(
            rest is [var events] ? int.Parse(events, CultureInfo.InvariantCulture) : 10_000_000);
        return 0;
    case ["tls-handshakes", .. var rest]:
        await TlsHandshakes.RunAsync(rest);
        return 0;
    case ["proxied-clicks", .. var rest]:
        await ProxiedClicks.RunAsync(
            rest is [var proxied, ..] ? int.Parse(proxied, CultureInfo.InvariantCulture) : 7,
            rest is [_, var length] ? int.Parse(length, CultureInfo.InvariantCulture) : 4);
        return 0;
    case ["tls-resumption", .. var names]:
        await TlsResumption.RunAsync(names);
        return 0;
    case ["random-server-names", .. var rest]:
        await RandomServerNames.RunAsync(
            rest is [var made] ? int.Parse(made, CultureInfo.InvariantCulture) : 100_000);
        return 0;
    case ["tenants-apart"]:
        await TenantsApart.RunAsync();
        return 0;
    case ["webhooks"]:
        await DeliverWebhooks.RunAsync();
        return 0;
    case ["services", .. var rest]:
        await ServicesAtRestAndAtLoad.RunAsync(
            rest is [var each] ? int.Parse(each, CultureInfo.InvariantCulture) : 30);
        return 0;
    default:
        Console.Error.WriteLine(
            "usage: Benchmarks click-path [rounds [seconds [file]]] | clicks-with-ingest | doors [messages [rounds]] | ingest-drain | rewrite-messages | rewrite-with-registration"
            + " | list-tracking-domains [rounds] | rewrite-over-amqp [share of the messages] | recheck-domains [rounds] | proxied-clicks [rounds [seconds]] | recheck-day [names] | renewals"
            + " | services [seconds] | statistics [events] | tenants-apart | tracking-hosts [file]"
            + " | random-server-names [names] | tls-handshakes [rounds [seconds]] | tls-resumption [names ...] | webhooks");
        return 2;
}

using System.Globalization;
using Tracking.Benchmarks;

switch (args)
{
    case ["click-path", .. var rest]:
        return ClickPath.Run(rest);
    case ["clicks-with-ingest"]:
        await ClicksWithIngest.RunAsync();
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
    default:
        Console.Error.WriteLine(
            "usage: Benchmarks click-path [rounds [seconds [file]]] | clicks-with-ingest | ingest-drain | rewrite-messages | rewrite-with-registration");
        return 2;
}

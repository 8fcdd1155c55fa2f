using System.CommandLine;

namespace Tracking.Cli.Commands.Domains;

/// <summary><c>trackctl certificates own-hosts</c>: the certificates of the operator's own hosts.</summary>
internal static class OwnHostsCommand
{
    public static Command Create(Connection connection)
    {
        var name = new Argument<string?>("NAME")
        {
            Description = "One of the own hosts; without it, all are listed",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var retry = new Option<bool>("--retry")
        {
            Description = "Tries to get the certificate of NAME now; without --retry its state and the last 20 steps "
                + "are shown",
        };
        var command = new Command("own-hosts", "Shows the certificates of the system host and of the hosts in "
            + "Tracking__Certificates__Hosts. Needs an admin's key. Ends with 3 when one of them has none that is valid.")
        {
            name, retry,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(retry) && result.GetValue(name) is null)
            {
                result.AddError("--retry needs the NAME of one of the own hosts.");
            }
        });
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, (api, terminal) =>
            parsed.GetValue(name) is not { } host ? ListAsync(api, terminal, cancellationToken)
            : parsed.GetValue(retry) ? RetryAsync(api, terminal, host, cancellationToken)
            : ShowAsync(api, terminal, host, cancellationToken)));
        return command;
    }

    private static async Task<int> ListAsync(TrackingApi api, Terminal terminal, CancellationToken cancellationToken)
    {
        var answer = await api.GetAsync("own-hosts", cancellationToken);
        if (!answer.IsDone)
        {
            return answer.Report(terminal);
        }

        var hosts = answer.Json["items"]!.AsArray();
        if (terminal.Json)
        {
            terminal.Document(answer.Json);
        }
        else
        {
            var table = new TextTable("HOST", "CERTIFICATE", "RENEWED AT", "NEXT ATTEMPT");
            foreach (var host in hosts)
            {
                var tls = host!["tls"]!;
                table.Add(
                    (string?)host["hostname"], PrintDomain.Tls(tls), (string?)tls["renewAt"] ?? "-",
                    (string?)tls["nextAttempt"] ?? "-");
            }

            table.WriteTo(terminal);
        }

        return hosts.All(host => CertificatesCommand.IsValid(host!["tls"]!)) ? ExitCode.Done : ExitCode.WrongState;
    }

    private static async Task<int> ShowAsync(
        TrackingApi api, Terminal terminal, string host, CancellationToken cancellationToken) =>
        CertificatesCommand.ShowStatus(
            await api.GetAsync(Path(host) + "?limit=20", cancellationToken), terminal);

    private static async Task<int> RetryAsync(
        TrackingApi api, Terminal terminal, string host, CancellationToken cancellationToken) =>
        CertificatesCommand.ShowRetry(
            await api.PostAsync(Path(host) + "/retry", null, cancellationToken), terminal);

    private static string Path(string host) => $"own-hosts/{Query.Escape(host)}/certificate";
}

using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands.Domains;

/// <summary><c>trackctl domains verify</c>: asks DNS now, and with <c>--wait</c> again until the name is
/// verified.</summary>
internal static class VerifyDomainCommand
{
    private const string NotVerified = "urn:tracking:problem:domain-not-verified";

    // Long enough for providers that publish a new record within minutes.
    private static readonly TimeSpan _usualWait = TimeSpan.FromMinutes(10);

    // Other people run the name servers. So they are asked more often only if the user says so.
    private static readonly TimeSpan _usualPause = TimeSpan.FromSeconds(10);

    // The server refuses more than one request in five seconds and says when the next is possible.
    private static readonly TimeSpan _shortestPause = TimeSpan.FromSeconds(1);

    public static Command Create(Connection connection)
    {
        var name = DomainsCommand.Name();
        var cluster = Connection.Cluster();
        var verbose = DomainsCommand.Verbose();
        var wait = new Option<string?>("--wait")
        {
            Description = "Ask again until it is verified, for so long at most (90s, 10m, 2h); alone 10m",
            HelpName = "DURATION",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var every = new Option<string?>("--every")
        {
            Description = "With --wait: the time between two asks, at least 1s; default 10s. The server may want more",
            HelpName = "DURATION",
        };
        var command = new Command("verify", "Asks DNS now; ends with 0 when the name is verified, with 3 when not.")
        {
            name, cluster, wait, every, verbose,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            var longest = parsed.GetResult(wait) is null ? TimeSpan.Zero
                : parsed.GetValue(wait) is { } text ? Duration(text)
                : _usualWait;
            if (longest is not { } until)
            {
                terminal.Complain($"--wait: got '{parsed.GetValue(wait)}', takes a duration such as 90s, 10m or 2h.");
                return ExitCode.Usage;
            }

            var between = parsed.GetValue(every) is { } given ? Duration(given) : _usualPause;
            if (between is not { } pause || pause < _shortestPause)
            {
                terminal.Complain($"--every: got '{parsed.GetValue(every)}', takes a duration of 1s or more.");
                return ExitCode.Usage;
            }

            var path = DomainsCommand.Path(id, parsed.GetValue(name)) + "/verify";
            var answer = await AskAsync(api, path, until, pause, terminal, cancellationToken);
            if (answer.ProblemType != NotVerified)
            {
                return DomainsCommand.Print(answer, terminal, parsed.GetValue(verbose));
            }

            if (terminal.Json)
            {
                terminal.Document(answer.Json);
                return ExitCode.WrongState;
            }

            terminal.Complain($"{answer.Json["title"]}.");
            if (answer.Json["domain"]?["verification"] is { } record)
            {
                PrintDomain.Record(terminal, record, answer.Json["diagnosis"]);
            }

            if (answer.Json["diagnosis"] is JsonObject diagnosis)
            {
                PrintDiagnosis.To(terminal, diagnosis, parsed.GetValue(verbose));
            }

            return ExitCode.WrongState;
        }, cancellationToken));
        return command;
    }

    /// <summary>A duration as people write it.</summary>
    public static TimeSpan? Duration(string text)
    {
        if (text.Length < 2 || !double.TryParse(
            text[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
        {
            return null;
        }

        // The limit is a week, which is longer than any record takes.
        return text[^1] switch
        {
            's' when number <= 604_800 => TimeSpan.FromSeconds(number),
            'm' when number <= 10_080 => TimeSpan.FromMinutes(number),
            'h' when number <= 168 => TimeSpan.FromHours(number),
            _ => null,
        };
    }

    private static async Task<ApiAnswer> AskAsync(
        TrackingApi api,
        string path,
        TimeSpan longest,
        TimeSpan shortest,
        Terminal terminal,
        CancellationToken cancellationToken)
    {
        var time = TimeProvider.System;
        var began = time.GetTimestamp();
        while (true)
        {
            var answer = await api.PostAsync(path, null, cancellationToken);
            var mayHelp = answer.ProblemType == NotVerified || answer.ExitCode == ExitCode.Unavailable;
            var pause = answer.RetryAfter > shortest ? answer.RetryAfter.Value : shortest;
            if (!mayHelp || time.GetElapsedTime(began) + pause > longest)
            {
                return answer;
            }

            terminal.Complain($"{answer.Json["detail"] ?? answer.Complaint} Asked again in {pause.TotalSeconds:0} s.");
            await Task.Delay(pause, time, cancellationToken);
        }
    }
}

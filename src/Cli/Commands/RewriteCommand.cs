using System.CommandLine;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands;

/// <summary><c>trackctl rewrite</c>: reads a message and writes it with tracked links.</summary>
internal static class RewriteCommand
{
    private const string StandardStream = "-";

    public static Command Create(Connection connection)
    {
        var file = new Argument<string>("file") { Description = "The message (RFC 5322); - reads the standard input" };
        var cluster = Connection.Cluster();
        Option<string?>[] metadata =
        [
            Text("--message-id", "The message's id; rewriting the message again with this id gives the same bytes"),
            Text("--recipient", "Envelope recipient"),
            Text("--sender", "Envelope sender"),
            Text("--host", "The tracking host in its links"),
            Text("--clicks", "yes, no, html or text"),
            Text("--opens", "yes or no"),
            Text("--level", "full, pseudonymous, anonymous or off"),
            Text("--utm", "UTM parameters of destinations, 'utm_source=newsletter&utm_medium=email', or off"),
            Text("--sent-at", "When the message was sent (RFC 3339)"),
        ];
        var test = new Option<bool>("--test")
        {
            Description = "A test message: rewritten as any other, but its clicks and opens are not counted",
        };
        var tags = new Option<string[]>("--tag") { Description = "A tag; may be given up to ten times" };
        var explain = new Option<bool>("--dry-run", "--explain")
        {
            Description = "Change and store nothing; say for every link what would happen and why",
        };
        var links = new Option<bool>("--links")
        {
            Description = "Print the tracked links and the open pixel, one a line, in place of the message",
        };
        var output = new Option<string?>("--output", "-o")
        {
            Description = "The file for the message; default the standard output, with --links or --json no output",
            HelpName = "FILE",
        };
        var command = new Command("rewrite", "Rewrites a message.")
        {
            file, cluster, tags, test, explain, links, output,
        };
        foreach (var option in metadata)
        {
            command.Options.Add(option);
        }

        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            if (parsed.GetValue(explain) && (parsed.GetValue(links) || parsed.GetValue(output) is not null))
            {
                terminal.Complain("--explain rewrites nothing, so it takes neither --links nor --output.");
                return ExitCode.Usage;
            }

            var path = parsed.GetValue(file)!;
            if (await ReadAsync(path, terminal, cancellationToken) is not { } message)
            {
                return ExitCode.Usage;
            }

            var headers = metadata
                .Where(option => parsed.GetValue(option) is not null)
                .Select(option => KeyValuePair.Create("tracking-" + option.Name[2..], parsed.GetValue(option)!))
                .Concat(parsed.GetValue(tags) is { Length: > 0 } given
                    ? [KeyValuePair.Create("tracking-tags", string.Join(',', given))]
                    : [])
                .Concat(parsed.GetValue(test) ? [KeyValuePair.Create("tracking-test", "true")] : []);
            var dryRun = parsed.GetValue(explain);
            using var content = new ByteArrayContent(message);
            content.Headers.ContentType = new MediaTypeHeaderValue("message/rfc822");
            var answer = await api.SendAsync(
                HttpMethod.Post,
                $"clusters/{Query.Escape(id)}/rewrite?{(dryRun ? "dryRun" : "report")}=true",
                content,
                cancellationToken,
                headers);
            if (!answer.IsDone)
            {
                return answer.Report(terminal);
            }

            if (dryRun)
            {
                Explain(answer.Json, terminal);
                return ExitCode.Done;
            }

            return await WriteAsync(
                parsed.GetValue(output), parsed.GetValue(links), answer.Json, terminal, cancellationToken);
        }, cancellationToken));
        return command;
    }

    private static Option<string?> Text(string name, string description) => new(name) { Description = description };

    private static async Task<byte[]?> ReadAsync(string path, Terminal terminal, CancellationToken cancellationToken)
    {
        try
        {
            if (path != StandardStream)
            {
                return await File.ReadAllBytesAsync(path, cancellationToken);
            }

            using var bytes = new MemoryStream();
            await using var input = Console.OpenStandardInput();
            await input.CopyToAsync(bytes, cancellationToken);
            return bytes.ToArray();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            terminal.Complain($"{path} cannot be read: {exception.Message}");
            return null;
        }
    }

    private static async Task<int> WriteAsync(
        string? path, bool links, JsonObject report, Terminal terminal, CancellationToken cancellationToken)
    {
        if (report["message"]?.GetValueKind() != JsonValueKind.String)
        {
            terminal.Complain("The server did not answer with a message; is it the API's address, and as new as this?");
            return ExitCode.Refused;
        }

        var message = report["message"]!.AsValue().GetValue<string>();
        path ??= links || terminal.Json ? null : StandardStream;
        try
        {
            if (path == StandardStream)
            {
                await using var output = Console.OpenStandardOutput();
                await output.WriteAsync(Convert.FromBase64String(message), cancellationToken);
            }
            else if (path is not null)
            {
                await File.WriteAllBytesAsync(path, Convert.FromBase64String(message), cancellationToken);
            }
        }
        catch (Exception exception) when (exception is DirectoryNotFoundException or UnauthorizedAccessException)
        {
            terminal.Complain($"--output: {path} cannot be written: {exception.Message}");
            return ExitCode.Usage;
        }

        var urls = (report["links"]?.AsArray() ?? []).Append(report)
            .Select(link => (string?)link!["trackedUrl"] ?? (string?)link["pixelUrl"])
            .OfType<string>();
        if (terminal.Json)
        {
            terminal.Document(links ? new JsonArray([.. urls.Select(url => JsonValue.Create(url))]) : report);
        }
        else if (links)
        {
            foreach (var url in urls)
            {
                terminal.Line(url);
            }
        }

        SumUp(report, terminal);
        return ExitCode.Done;
    }

    private static void SumUp(JsonObject report, Terminal terminal)
    {
        terminal.Complain(report["untouched"] is { } reason
            ? $"Nothing was changed: {reason}."
            : $"Message {report["messageId"]}: {report["trackedLinks"]} links tracked, "
                + $"opens {((bool?)report["opens"] == true ? "yes" : "no")}.");
        Count("link", "links", (report["links"]?.AsArray() ?? [])
            .Where(link => (string?)link!["decision"] != "tracked")
            .Select(link => (string?)link!["decision"]));
        Count("part", "parts", (report["parts"]?.AsArray() ?? []).Select(part => (string?)part!["reason"]));
        if (report["hostIgnored"] is { } host)
        {
            terminal.Complain(
                $"{host} is not used ({report["hostIgnoredReason"]}): links are on {report["host"]}.");
        }

        foreach (var header in report["ignoredHeaders"]?.AsArray() ?? [])
        {
            terminal.Complain($"The message's header {header!["header"]} is not obeyed: {header["reason"]}.");
        }

        if (report["defaultHostIgnored"] is { } usual)
        {
            terminal.Complain(
                $"The default {usual} is not used ({report["defaultHostIgnoredReason"]}): links are on {report["host"]}.");
        }

        void Count(string one, string several, IEnumerable<string?> reasons)
        {
            foreach (var alike in reasons.OfType<string>().CountBy(reason => reason).OrderByDescending(r => r.Value))
            {
                terminal.Complain($"  {alike.Value} {(alike.Value == 1 ? one : several)} left alone: {alike.Key}");
            }
        }
    }

    private static void Explain(JsonObject report, Terminal terminal)
    {
        if (terminal.Json)
        {
            terminal.Document(report);
            return;
        }

        var table = new TextTable("PART", "POSITION", "DECISION", "NAME", "URL").Right(0, 1);
        foreach (var link in report["links"]?.AsArray() ?? [])
        {
            table.Add(
                link!["part"]?.ToString(),
                link["position"]?.ToString(),
                (string?)link["decision"],
                (string?)link["name"],
                (string?)link["url"]);
        }

        table.WriteTo(terminal);
        terminal.Line($"opens: {((bool?)report["opens"] == true ? "yes" : "no")}");
        if (report["untouched"] is { } untouched)
        {
            terminal.Line($"untouched: {untouched}");
        }

        foreach (var header in report["ignoredHeaders"]?.AsArray() ?? [])
        {
            terminal.Line($"header {header!["header"]} is not obeyed: {header["reason"]}");
        }

        if ((bool?)report["keepsSignedControlHeaders"] == true)
        {
            terminal.Line("control headers: kept, a DKIM signature names them");
        }
    }
}

using System.CommandLine;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands;

/// <summary><c>trackctl rewrite</c>: a message in, the message with tracked links out.</summary>
internal static class RewriteCommand
{
    private const string StandardStream = "-";

    public static Command Create(Connection connection)
    {
        var file = new Argument<string>("file") { Description = "The message (RFC 5322); - reads the standard input" };
        var cluster = new Option<string>("--cluster") { Description = "The cluster", HelpName = "ID", Required = true };
        Option<string?>[] metadata =
        [
            Text("--message-id", "Its id; rewriting the same id again gives the same bytes"),
            Text("--recipient", "Envelope recipient"),
            Text("--sender", "Envelope sender"),
            Text("--host", "The tracking host in its links"),
            Text("--clicks", "yes, no, html or text"),
            Text("--opens", "yes or no"),
            Text("--level", "full, anonymous or none"),
            Text("--sent-at", "When it was sent (RFC 3339)"),
        ];
        var tags = new Option<string[]>("--tag") { Description = "A tag; may be given up to ten times" };
        var explain = new Option<bool>("--dry-run", "--explain")
        {
            Description = "Change and store nothing; say for every link what would happen and why",
        };
        var output = new Option<string>("--output", "-o")
        {
            Description = "Where the message goes; default the standard output",
            HelpName = "FILE",
            DefaultValueFactory = _ => StandardStream,
        };
        var command = new Command("rewrite", "Rewrites a message.") { file, cluster, tags, explain, output };
        foreach (var option in metadata)
        {
            command.Options.Add(option);
        }

        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, async (api, terminal) =>
        {
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
                    : []);
            var dryRun = parsed.GetValue(explain);
            using var content = new ByteArrayContent(message);
            content.Headers.ContentType = new MediaTypeHeaderValue("message/rfc822");
            var answer = await api.SendAsync(
                HttpMethod.Post,
                $"clusters/{Query.Escape(parsed.GetValue(cluster))}/rewrite{(dryRun ? "?dryRun=true" : "")}",
                content,
                cancellationToken,
                [.. headers, KeyValuePair.Create("Accept", dryRun ? "application/json" : "message/rfc822")]);
            if (!answer.IsDone)
            {
                return answer.Report(terminal);
            }

            if (dryRun)
            {
                Explain(answer.Json, terminal);
                return ExitCode.Done;
            }

            return await WriteAsync(parsed.GetValue(output)!, answer, terminal, cancellationToken);
        }));
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
        string path, Answer answer, Terminal terminal, CancellationToken cancellationToken)
    {
        try
        {
            if (path == StandardStream)
            {
                await using var output = Console.OpenStandardOutput();
                await output.WriteAsync(answer.Bytes, cancellationToken);
            }
            else
            {
                await File.WriteAllBytesAsync(path, answer.Bytes, cancellationToken);
            }
        }
        catch (Exception exception) when (exception is DirectoryNotFoundException or UnauthorizedAccessException)
        {
            terminal.Complain($"--output: {path} cannot be written: {exception.Message}");
            return ExitCode.Usage;
        }

        var headers = answer.Headers;
        terminal.Complain(headers.TryGetValue("Tracking-Untouched", out var reason)
            ? $"Nothing was changed: {reason}."
            : $"Message {headers.GetValueOrDefault("Tracking-Message-Id")}: "
                + $"{headers.GetValueOrDefault("Tracking-Links", "0")} links tracked, "
                + $"opens {headers.GetValueOrDefault("Tracking-Opens", "no")}.");
        return ExitCode.Done;
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
            var reason = (string?)link!["reason"];
            table.Add(
                link["part"]?.ToString(),
                link["position"]?.ToString(),
                (string?)link["decision"] + (reason is null ? "" : $" ({reason})"),
                (string?)link["name"],
                (string?)link["url"]);
        }

        table.WriteTo(terminal);
        terminal.Line($"opens: {report["opens"]}");
        if (report["untouched"] is { } untouched)
        {
            terminal.Line($"untouched: {untouched}");
        }

        if ((bool?)report["keepsSignedControlHeaders"] == true)
        {
            terminal.Line("control headers: kept, a DKIM signature names them");
        }
    }
}

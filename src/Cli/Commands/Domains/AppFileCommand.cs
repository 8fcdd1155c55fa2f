using System.CommandLine;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands.Domains;

/// <summary><c>trackctl domains app-file</c>.</summary>
internal static class AppFileCommand
{
    public static Command Create(Connection connection)
    {
        var (name, cluster) = (DomainsCommand.Name(), Connection.Cluster());
        var file = new Argument<string>("file") { Description = "apple-app-site-association or assetlinks.json" };
        file.AcceptOnlyFromAmong("apple-app-site-association", "assetlinks.json");
        var from = new Option<string?>("--from") { Description = "A file with JSON to store; without it: print" };
        var delete = new Option<bool>("--delete") { Description = "Delete it" };
        var command = new Command("app-file", "Stores, prints or deletes a file that connects the name with your app.")
        {
            name, file, cluster, from, delete,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            var path = $"{DomainsCommand.Path(id, parsed.GetValue(name))}/app-files/{parsed.GetValue(file)}";
            ApiAnswer answer;
            if (parsed.GetValue(delete))
            {
                answer = await api.DeleteAsync(path, cancellationToken);
            }
            else if (parsed.GetValue(from) is { } source)
            {
                using var content = new ByteArrayContent(await File.ReadAllBytesAsync(source, cancellationToken));
                content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
                answer = await api.SendAsync(HttpMethod.Put, path, content, cancellationToken);
            }
            else
            {
                answer = await api.GetAsync(path, cancellationToken);
                if (answer.IsDone)
                {
                    // Printed as parsed JSON, so that line ends and tabs in the stored file do not reach the terminal.
                    terminal.Document(JsonNode.Parse(answer.Bytes)!);
                }
            }

            return answer.IsDone ? ExitCode.Done : DomainsCommand.Report(answer, terminal);
        }, cancellationToken));
        return command;
    }
}

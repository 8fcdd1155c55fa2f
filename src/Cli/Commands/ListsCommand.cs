using System.CommandLine;
using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands;

/// <summary><c>trackctl lists update|diff|use|list</c>: manages the lists that tell machines from people.</summary>
internal static class ListsCommand
{
    private static readonly TimeSpan _askAgain = TimeSpan.FromSeconds(1);

    public static Command Create(Connection connection) =>
        new("lists", "Works with the lists that tell machines from people.")
        {
            Update(connection), Diff(connection), Use(connection), List(connection),
        };

    private static Command Update(Connection connection)
    {
        var (name, version) = (Name(), Version());
        var file = new Argument<FileInfo>("file") { Description = "The list: JSON of crawler-user-agents, or MMDB" };
        var command = new Command(
            "update", "Sends a new version and shows what it would change; nothing changes until 'use'.")
        {
            name, version, file,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, async (api, terminal) =>
        {
            byte[] bytes;
            try
            {
                bytes = await File.ReadAllBytesAsync(parsed.GetValue(file)!.FullName, cancellationToken);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                terminal.Complain(exception.Message);
                return ExitCode.Usage;
            }

            var answer = await api.SendAsync(
                HttpMethod.Put, PathOf(parsed.GetValue(name)!, parsed.GetValue(version)!), new ByteArrayContent(bytes),
                cancellationToken);
            return answer.IsDone
                ? await ShowAsync(api, parsed.GetValue(name)!, parsed.GetValue(version)!, terminal, cancellationToken)
                : answer.Report(terminal);
        }));
        return command;
    }

    private static Command Diff(Connection connection)
    {
        var (name, version) = (Name(), Version());
        var command = new Command("diff", "Shows what a version would classify differently.") { name, version };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, (api, terminal) =>
            ShowAsync(api, parsed.GetValue(name)!, parsed.GetValue(version)!, terminal, cancellationToken)));
        return command;
    }

    private static Command Use(Connection connection)
    {
        var (name, version) = (Name(), Version());
        var command = new Command("use", "Makes a version the list in use, from the next events on.") { name, version };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, async (api, terminal) =>
        {
            var answer = await api.PutAsync(
                PathOf(parsed.GetValue(name)!, parsed.GetValue(version)!) + "/in-force", cancellationToken);
            if (answer.IsDone)
            {
                terminal.Line($"{answer.Json["name"]} {answer.Json["version"]} counts within seconds.");
            }

            return answer.IsDone ? ExitCode.Done : answer.Report(terminal);
        }));
        return command;
    }

    private static Command List(Connection connection)
    {
        var command = new Command("list", "Lists the versions that were sent.");
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, async (api, terminal) =>
        {
            var answer = await api.GetAsync("lists", cancellationToken);
            if (!answer.IsDone)
            {
                return answer.Report(terminal);
            }

            if (terminal.Json)
            {
                terminal.Document(answer.Json);
                return ExitCode.Done;
            }

            var table = new TextTable("list", "version", "state", "added", "would change");
            foreach (var list in answer.Json["items"]!.AsArray())
            {
                table.Add(
                    (string?)list!["name"], (string?)list["version"], (string?)list["state"], (string?)list["addedAt"],
                    list["difference"]?["changed"]?.ToJsonString());
            }

            table.WriteTo(terminal);
            return ExitCode.Done;
        }));
        return command;
    }

    // Ingest compares within seconds. A user who does not want to wait presses Ctrl-C and runs the command later.
    private static async Task<int> ShowAsync(
        TrackingApi api, string name, string version, Terminal terminal, CancellationToken cancellationToken)
    {
        while (true)
        {
            var answer = await api.GetAsync("lists", cancellationToken);
            if (!answer.IsDone)
            {
                return answer.Report(terminal);
            }

            var list = answer.Json["items"]!.AsArray().FirstOrDefault(
                item => (string?)item!["name"] == name && (string?)item["version"] == version);
            if (list is null)
            {
                terminal.Complain($"There is no version {version} of {name}.");
                return ExitCode.Refused;
            }

            if (list["comparedAt"] is not null)
            {
                return Print(list, terminal);
            }

            await Task.Delay(_askAgain, cancellationToken);
        }
    }

    private static int Print(JsonNode list, Terminal terminal)
    {
        var difference = list["difference"]!;
        if ((string?)difference["refused"] is { } why)
        {
            terminal.Complain(why);
            return ExitCode.Refused;
        }

        if (terminal.Json)
        {
            terminal.Document(list);
            return ExitCode.Done;
        }

        terminal.Line($"Of {difference["events"]} events of the last days {difference["changed"]} would be called something "
            + "else.");
        var table = new TextTable("events", "is", "would be", "reasons", "user agent").Right(0);
        foreach (var change in difference["changes"]!.AsArray())
        {
            table.Add(
                change!["events"]!.ToJsonString(), (string?)change["from"], (string?)change["to"],
                (string?)change["reasons"], (string?)change["userAgent"]);
        }

        table.WriteTo(terminal);
        return ExitCode.Done;
    }

    private static string PathOf(string name, string version) => $"lists/{Query.Escape(name)}/{Query.Escape(version)}";

    private static Argument<string> Name() => new("list") { Description = "crawlers or networks", HelpName = "LIST" };

    private static Argument<string> Version() => new("version")
    {
        Description = "Your name for the version, for example the date of the file",
        HelpName = "VERSION",
    };
}

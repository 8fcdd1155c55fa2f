using System.CommandLine;

namespace Tracking.Cli.Commands.Imports;

/// <summary><c>trackctl import</c>: takes over tracking domains and links of another system, whose mail recipients
/// still have.</summary>
internal static class ImportCommand
{
    public static Command Create(Connection connection) =>
        new("import", "Takes over links of mail that another system sent, so that they go on working here. Ends with 3 "
            + "when something was left out.")
        {
            ImportPostalCommand.Create(connection),
            ImportLinksCommand.Create(connection),
        };

    /// <summary>What both commands take.</summary>
    public static ImportOptions Options() => new(
        Connection.Cluster(),
        new("--dry-run") { Description = "Store nothing, say what would be stored and left out" },
        new("--progress")
        {
            Description = "A file that remembers how far it came: the same command again goes on there",
            HelpName = "FILE",
        },
        new("--left-out") { Description = "A file for all that is left out, a line of JSON each", HelpName = "FILE" });
}

/// <summary>The options of both commands.</summary>
/// <param name="Cluster">The cluster.</param>
/// <param name="DryRun">Store nothing.</param>
/// <param name="Progress">Where to remember how far it came.</param>
/// <param name="LeftOut">Where to write what is left out.</param>
internal sealed record ImportOptions(
    Option<string> Cluster, Option<bool> DryRun, Option<string?> Progress, Option<string?> LeftOut)
{
    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(Cluster);
        command.Options.Add(DryRun);
        command.Options.Add(Progress);
        command.Options.Add(LeftOut);
    }

    /// <summary>Runs an import and says what became of it.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="api">The API.</param>
    /// <param name="cluster">The cluster's id.</param>
    /// <param name="source">What is imported: positions in the progress file count for the same source alone.</param>
    /// <param name="terminal">Receives the result.</param>
    /// <param name="work">Reads the source and sends it.</param>
    public async Task<int> RunAsync(
        ParseResult parsed,
        TrackingApi api,
        string cluster,
        string source,
        Terminal terminal,
        Func<SendLinks, ImportProgress, Task<int>> work)
    {
        var isDryRun = parsed.GetValue(DryRun);
        StreamWriter? leftOut = null;
        try
        {
            var progress = ImportProgress.Open(
                isDryRun ? null : parsed.GetValue(Progress), $"{api.Server} {cluster} {source}", terminal);
            if (progress is null)
            {
                return ExitCode.Usage;
            }

            leftOut = parsed.GetValue(LeftOut) is { } file ? new StreamWriter(file, append: progress.HasBegun) : null;
            var send = new SendLinks(api, cluster, isDryRun, leftOut, terminal, TimeProvider.System);
            var code = await work(send, progress);
            send.Report(isComplete: code == ExitCode.Done);
            return code != ExitCode.Done ? code : send.HasLeftOut ? ExitCode.WrongState : ExitCode.Done;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            terminal.Complain(exception.Message);
            return ExitCode.Usage;
        }
        finally
        {
            if (leftOut is not null)
            {
                await leftOut.DisposeAsync();
            }
        }
    }
}

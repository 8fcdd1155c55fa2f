using System.CommandLine;

namespace Tracking.Cli.Commands.Imports;

/// <summary><c>trackctl import</c>: imports tracking domains and links of another system, so that the links in its sent
/// mail keep working.</summary>
internal static class ImportCommand
{
    public static Command Create(Connection connection) =>
        new("import", "Takes over links of mail that another system sent, so that they keep working here. Ends with 3 "
            + "when something was left out.")
        {
            ImportPostalCommand.Create(connection),
            ImportLinksCommand.Create(connection),
        };

    /// <summary>Creates the options that both commands have.</summary>
    public static ImportOptions Options() => new(
        Connection.Cluster(),
        new("--dry-run") { Description = "Store nothing, say what would be stored and left out" },
        new("--progress")
        {
            Description = "A file for the progress: the same command, run again, continues from there",
            HelpName = "FILE",
        },
        new("--left-out") { Description = "A file for all that is left out, as lines of JSON", HelpName = "FILE" });
}

/// <summary>The options of both commands.</summary>
/// <param name="Cluster">The cluster.</param>
/// <param name="DryRun">Stores nothing.</param>
/// <param name="Progress">The file for the progress.</param>
/// <param name="LeftOut">The file for rows that are left out.</param>
internal sealed record ImportOptions(
    Option<string> Cluster, Option<bool> DryRun, Option<string?> Progress, Option<string?> LeftOut)
{
    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(Cluster);
        command.Options.Add(DryRun);
        command.Options.Add(Progress);
        command.Options.Add(LeftOut);
    }

    /// <summary>Runs an import and prints its result.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="api">The API.</param>
    /// <param name="cluster">The cluster's id.</param>
    /// <param name="source">The source of the import. The positions in a progress file are valid for the same source
    /// only.</param>
    /// <param name="terminal">Receives the result.</param>
    /// <param name="work">Reads the source and sends its links.</param>
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

using System.CommandLine;
using Tracking.Cli;
using Tracking.Cli.Commands;
using Tracking.Cli.Commands.Destinations;
using Tracking.Cli.Commands.Doctor;
using Tracking.Cli.Commands.Domains;
using Tracking.Cli.Commands.Imports;
using Tracking.Cli.Commands.Webhooks;
using Tracking.Cli.Filter;

// The filter comes first, because a process that runs for every mail has to start fast.
return args is [FilterCommand.Name, ..] ? await FilterMail.RunAsync(args[1..]) : await RunCommandAsync(args);

static async Task<int> RunCommandAsync(string[] args)
{
    var connection = new Connection();
    var withStates = connection.WithStates();
    var root = new RootCommand("Works with Tracking from the command line.")
    {
        ClustersCommand.Create(connection),
        KeysCommand.Create(connection),
        SigningKeysCommand.Create(connection),
        MasterKeyCommand.Create(connection),
        DomainsCommand.Create(withStates),
        CertificatesCommand.Create(withStates),
        AuditCommand.Create(connection),
        RewriteCommand.Create(connection),
        EventsCommand.Create(connection),
        ListsCommand.Create(connection),
        StatsCommand.Create(connection),
        DoctorCommand.Create(connection),
        DemoCommand.Create(connection),
        WebhooksCommand.Create(withStates),
        DestinationsCommand.Create(withStates),
        WithdrawalsCommand.Create(withStates),
        ImportCommand.Create(connection),
        FilterCommand.Create(),
        CompletionCommand.Create(),
    };
    connection.AddTo(root);

    var parsed = root.Parse(args);
    if (parsed.Errors.Count != 0)
    {
        foreach (var problem in parsed.Errors)
        {
            Console.Error.WriteLine(Terminal.Clean(problem.Message));
        }

        Console.Error.WriteLine("trackctl --help, or a command with --help, says what it takes.");
        return ExitCode.Usage;
    }

    try
    {
        return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
    }
    catch (OperationCanceledException)
    {
        // Ctrl-C before the end. Scripts go on after 0, which says that what they waited for has come.
        return ExitCode.WrongState;
    }
    catch (IOException exception) when (exception.HResult == BrokenPipe)
    {
        return ExitCode.Done;
    }
}

internal static partial class Program
{
    // EPIPE: the reader of the output, for example head, has ended.
    private const int BrokenPipe = 32;
}

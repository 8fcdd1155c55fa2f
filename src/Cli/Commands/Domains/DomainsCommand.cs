using System.CommandLine;

namespace Tracking.Cli.Commands.Domains;

/// <summary><c>trackctl domains</c>: works with a cluster's tracking domains.</summary>
internal static class DomainsCommand
{
    public static Command Create(Connection connection) =>
        new("domains", "Works with tracking domains, names of your own for links. Ends with 3 when a name is not "
            + "verified, does not exist, or is in a state that does not allow the command.")
        {
            AddDomain.Create(connection),
            ListDomains.Create(connection),
            ShowDomain.Create(connection),
            CheckDomain.Create(connection),
            VerifyDomainCommand.Create(connection),
            SetDomain.Create(connection),
            DefaultDomain.Create(connection),
            RetireDomain.Create(connection),
            AppFileCommand.Create(connection),
            DeleteDomain.Create(connection),
        };

    /// <summary>The argument that names a tracking domain.</summary>
    public static Argument<string> Name() => new("name") { Description = "The name, such as track.example.com" };

    /// <summary>The option that shows every question to DNS.</summary>
    public static Option<bool> Verbose() => new("--verbose", "-v")
    {
        Description = "Every question to DNS, with the server and its answer",
    };

    /// <summary>The path of a cluster's tracking domains, or of one of them.</summary>
    public static string Path(string cluster, string? name = null) =>
        $"clusters/{Query.Escape(cluster)}/tracking-domains" + (name is null ? "" : $"/{Query.Escape(name)}");

    /// <summary>Prints why a request was not carried out.</summary>
    public static int Report(ApiAnswer answer, Terminal terminal) => answer.ReportState(terminal);

    /// <summary>Prints a tracking domain, or why it is not there.</summary>
    public static int Print(ApiAnswer answer, Terminal terminal, bool verbose = false)
    {
        if (!answer.IsDone)
        {
            return Report(answer, terminal);
        }

        if (terminal.Json)
        {
            terminal.Document(answer.Json);
        }
        else
        {
            PrintDomain.To(terminal, answer.Json, verbose);
        }

        return ExitCode.Done;
    }
}

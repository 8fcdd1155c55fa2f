using System.CommandLine;
using Tracking.Cli.Filter;

namespace Tracking.Cli.Commands;

/// <summary><c>trackctl filter</c> in the list of commands. What runs it is <see cref="FilterMail"/>, without this
/// parser; here arrives only a command line that has something before <c>filter</c>.</summary>
internal static class FilterCommand
{
    public const string Name = "filter";

    public static Command Create()
    {
        var command = new Command(Name, "Filters an MTA's outgoing mail: rewrites it and hands it to sendmail.")
        {
            TreatUnmatchedTokensAsErrors = false,
        };
        command.SetAction(parsed =>
        {
            parsed.InvocationConfiguration.Error.WriteLine(
                "4.3.0 trackctl filter: options come behind the word filter; trackctl filter --help says which.");
            return ExitCode.TemporaryFailure;
        });
        return command;
    }
}

using System.CommandLine;
using Tracking.Cli.Filter;

namespace Tracking.Cli.Commands;

/// <summary><c>trackctl filter</c> in the list of commands. <see cref="FilterMail"/> runs the filter without this
/// parser. This class only gets command lines with an argument before <c>filter</c>.</summary>
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
                "4.3.0 trackctl filter: options come after the word filter; trackctl filter --help lists them.");
            return ExitCode.TemporaryFailure;
        });
        return command;
    }
}

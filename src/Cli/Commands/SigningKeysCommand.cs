using System.CommandLine;

namespace Tracking.Cli.Commands;

/// <summary><c>trackctl signing-keys rotate|list</c>.</summary>
internal static class SigningKeysCommand
{
    public static Command Create(Connection connection) =>
        new("signing-keys", "Works with the keys that sign tracking links.") { Rotate(connection), List(connection) };

    public static Command Rotate(Connection connection)
    {
        var command = new Command("rotate", "Adds a signing key; links signed with older ones stay good.");
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, async (api, terminal) =>
        {
            var answer = await api.PostAsync("signing-keys", null, cancellationToken);
            if (!answer.IsDone)
            {
                return answer.Report(terminal);
            }

            if (terminal.Json)
            {
                terminal.Document(answer.Json);
            }
            else
            {
                terminal.Line($"Signing key version {answer.Json["version"]} verifies now and signs from "
                    + $"{answer.Json["signsFrom"]}.");
            }

            return ExitCode.Done;
        }));
        return command;
    }

    private static Command List(Connection connection)
    {
        var command = new Command("list", "Lists the versions of the signing key.");
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, async (api, terminal) =>
        {
            var answer = await api.GetAsync("signing-keys", cancellationToken);
            if (!answer.IsDone)
            {
                return answer.Report(terminal);
            }

            if (terminal.Json)
            {
                terminal.Document(answer.Json);
                return ExitCode.Done;
            }

            var table = new TextTable("VERSION", "CREATED", "SIGNS FROM", "SIGNS NOW").Right(0);
            foreach (var key in answer.Json["items"]!.AsArray())
            {
                table.Add(
                    key!["version"]!.ToString(),
                    (string?)key["createdAt"],
                    (string?)key["signsFrom"],
                    (bool)key["signs"]! ? "yes" : "no");
            }

            table.WriteTo(terminal);
            return ExitCode.Done;
        }));
        return command;
    }
}

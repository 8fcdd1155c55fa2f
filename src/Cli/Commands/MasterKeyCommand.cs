using System.CommandLine;

namespace Tracking.Cli.Commands;

/// <summary><c>trackctl master-key</c>: shows the progress of a rotation of the master key. The keys themselves are
/// settings of each service. No command reads them.</summary>
internal static class MasterKeyCommand
{
    public static Command Create(Connection connection)
    {
        var command = new Command("master-key", "Says how many keys are sealed under each version of the master key, "
            + "and whether the other one of a rotation is still needed; ends with 3 while it is.");
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, async (api, terminal) =>
        {
            var answer = await api.GetAsync("master-key", cancellationToken);
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
                var table = new TextTable("KEYS", "VERSION", "NUMBER").Right(1).Right(2);
                foreach (var item in answer.Json["items"]!.AsArray())
                {
                    table.Add((string?)item!["kind"], $"{item["version"]}", $"{item["keys"]}");
                }

                table.WriteTo(terminal);
                terminal.Line("");
                terminal.Line((string)answer.Json["sentence"]!);
            }

            return (bool?)answer.Json["otherIsNeeded"] == true ? ExitCode.WrongState : ExitCode.Done;
        }));
        return command;
    }
}

using System.CommandLine;
using System.Text.Json.Nodes;
using Tracking.Cli.Commands.Domains;

namespace Tracking.Cli.Commands;

/// <summary><c>trackctl withdrawals</c>: withdraws the consent of recipients.</summary>
internal static class WithdrawalsCommand
{
    public static Command Create(Connection connection) =>
        new("withdrawals", "Withdraws a recipient's consent, for mail already sent too. Ends with 3 when something is not "
            + "there or a receipt is not genuine.")
        {
            Withdraw(connection),
            List(connection),
            Verify(connection),
        };

    private static string Path(string cluster) => $"clusters/{Query.Escape(cluster)}/withdrawals";

    private static Command Withdraw(Connection connection)
    {
        var recipient = new Argument<string>("recipient") { Description = "The address, as mail is sent to it" };
        var cluster = Connection.Cluster();
        var command = new Command("create", "Anonymises the stored data of a recipient, and prints the signed receipt.")
        {
            recipient, cluster,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            var answer = await api.PostAsync(
                Path(id), new JsonObject { ["recipient"] = parsed.GetValue(recipient) }, cancellationToken);
            if (!answer.IsDone)
            {
                return DomainsCommand.Report(answer, terminal);
            }

            // The whole receipt is printed, because it must be kept unchanged.
            terminal.Document(answer.Json);
            return ExitCode.Done;
        }, cancellationToken));
        return command;
    }

    private static Command List(Connection connection)
    {
        var cluster = Connection.Cluster();
        var command = new Command("list", "Lists the latest withdrawals; they hold no address.") { cluster };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            var answer = await api.GetAsync(Path(id) + "?limit=500", cancellationToken);
            if (!answer.IsDone)
            {
                return DomainsCommand.Report(answer, terminal);
            }

            if (terminal.Json)
            {
                terminal.Document(answer.Json);
                return ExitCode.Done;
            }

            var table = new TextTable("ID", "AT", "MESSAGES", "EVENTS");
            foreach (var item in answer.Json["items"]!.AsArray())
            {
                var anonymised = item!["receipt"]?["anonymised"];
                table.Add(
                    (string?)item["id"], (string?)item["withdrawnAt"], anonymised?["messages"]?.ToString() ?? "under way",
                    anonymised?["events"]?.ToString());
            }

            table.WriteTo(terminal);
            return ExitCode.Done;
        }, cancellationToken));
        return command;
    }

    private static Command Verify(Connection connection)
    {
        var file = new Argument<string>("file") { Description = "What withdrawals create printed" };
        var cluster = Connection.Cluster();
        var command = new Command("verify", "Says whether a receipt is genuine.") { file, cluster };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            var kept = JsonNode.Parse(await File.ReadAllTextAsync(parsed.GetValue(file)!, cancellationToken));
            var answer = await api.PostAsync(
                Path(id) + "/verify",
                new JsonObject
                {
                    ["signed"] = (string?)kept?["signed"],
                    ["signature"] = (string?)kept?["signature"],
                },
                cancellationToken);
            if (!answer.IsDone)
            {
                return DomainsCommand.Report(answer, terminal);
            }

            var isGenuine = (bool)answer.Json["valid"]!;
            terminal.Line(isGenuine ? "genuine" : "not genuine");
            return isGenuine ? ExitCode.Done : ExitCode.WrongState;
        }, cancellationToken));
        return command;
    }
}

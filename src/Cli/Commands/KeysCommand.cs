using System.CommandLine;
using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands;

/// <summary><c>trackctl keys create|list|revoke</c>: API keys. <c>keys rotate</c> is another name of
/// <c>signing-keys rotate</c>.</summary>
internal static class KeysCommand
{
    public static Command Create(Connection connection) =>
        new("keys", "Works with API keys, and rotates the signing key.")
        {
            CreateOne(connection),
            List(connection),
            Revoke(connection),
            SigningKeysCommand.Rotate(connection),
        };

    private static Command CreateOne(Connection connection)
    {
        var name = new Argument<string>("name") { Description = "What the key is for" };
        var owner = new Owner();
        var command = new Command("create", "Makes an API key and prints its secret, only this once.") { name };
        owner.AddTo(command);
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, async (api, terminal) =>
        {
            var (path, refusal) = await owner.PathAsync(parsed, api, terminal, cancellationToken);
            if (path is null)
            {
                return refusal;
            }

            var answer = await api.PostAsync(
                path, new JsonObject { ["name"] = parsed.GetValue(name) }, cancellationToken);
            if (!answer.IsDone)
            {
                return answer.Report(terminal);
            }

            if (terminal.Json)
            {
                terminal.Document(answer.Json);
                return ExitCode.Done;
            }

            // Only the secret goes to the output, so that it can be redirected into a file: trackctl keys create … >
            // key
            terminal.Complain($"Key {answer.Json["id"]}; the secret cannot be shown again:");
            terminal.Line((string)answer.Json["secret"]!);
            return ExitCode.Done;
        }));
        return command;
    }

    private static Command List(Connection connection)
    {
        var owner = new Owner();
        var command = new Command("list", "Lists the API keys that work.");
        owner.AddTo(command);
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, async (api, terminal) =>
        {
            var (path, refusal) = await owner.PathAsync(parsed, api, terminal, cancellationToken);
            if (path is null)
            {
                return refusal;
            }

            var answer = await api.GetAsync(path, cancellationToken);
            if (!answer.IsDone)
            {
                return answer.Report(terminal);
            }

            if (terminal.Json)
            {
                terminal.Document(answer.Json);
                return ExitCode.Done;
            }

            var table = new TextTable("ID", "NAME", "CREATED");
            foreach (var key in answer.Json["items"]!.AsArray())
            {
                table.Add((string?)key!["id"], (string?)key["name"], (string?)key["createdAt"]);
            }

            table.WriteTo(terminal);
            return ExitCode.Done;
        }));
        return command;
    }

    private static Command Revoke(Connection connection)
    {
        var id = new Argument<string>("id") { Description = "The key's id, from keys list" };
        var owner = new Owner();
        var command = new Command("revoke", "Revokes an API key; it stops within five seconds.") { id };
        owner.AddTo(command);
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, async (api, terminal) =>
        {
            var (path, refusal) = await owner.PathAsync(parsed, api, terminal, cancellationToken);
            if (path is null)
            {
                return refusal;
            }

            var key = parsed.GetValue(id);
            var answer = await api.DeleteAsync($"{path}/{Query.Escape(key)}", cancellationToken);
            if (!answer.IsDone)
            {
                return answer.Report(terminal);
            }

            terminal.Complain($"Key {key} is revoked.");
            return ExitCode.Done;
        }));
        return command;
    }

    /// <summary>The owner of the keys, a cluster or the admins. One of the two options must be given.</summary>
    private sealed class Owner
    {
        private readonly Option<string?> _cluster = new("--cluster")
        {
            Description = "A cluster's keys",
            HelpName = FindClusterByName.HelpName,
        };

        private readonly Option<bool> _admin = new("--admin") { Description = "The admins' keys" };

        public void AddTo(Command command)
        {
            command.Options.Add(_cluster);
            command.Options.Add(_admin);
        }

        /// <summary>The path of the keys, or the exit code of the failure.</summary>
        public async Task<(string? Path, int Refusal)> PathAsync(
            ParseResult parsed, TrackingApi api, Terminal terminal, CancellationToken cancellationToken)
        {
            var named = parsed.GetValue(_cluster);
            if ((named is null) != parsed.GetValue(_admin))
            {
                terminal.Complain("Give either --cluster NAME or --admin: whose keys?");
                return (null, ExitCode.Usage);
            }

            if (named is null)
            {
                return ("api-keys", ExitCode.Done);
            }

            var (id, refusal) = await FindClusterByName.FindAsync(api, named, cancellationToken);
            return refusal is null
                ? ($"clusters/{Query.Escape(id)}/api-keys", ExitCode.Done)
                : (null, refusal.Report(terminal));
        }
    }
}

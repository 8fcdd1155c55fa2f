using System.CommandLine;
using MySqlConnector;

namespace Tracking.Cli.Commands.Imports;

/// <summary><c>trackctl import postal</c>: imports tracking domains and links of a Postal installation from its
/// database.</summary>
internal static class ImportPostalCommand
{
    private const string PasswordVariable = "POSTAL_PASSWORD";

    public static Command Create(Connection connection)
    {
        var host = new Option<string>("--db-host")
        {
            Description = "The server of Postal's database, or the path of its socket; default 127.0.0.1",
            DefaultValueFactory = _ => "127.0.0.1",
        };
        var port = new Option<uint>("--db-port") { Description = "Its port; default 3306", DefaultValueFactory = _ => 3306 };
        var user = new Option<string>("--db-user")
        {
            Description = "A user who may read; default postal",
            DefaultValueFactory = _ => "postal",
        };
        var passwordFile = new Option<string?>("--db-password-file")
        {
            Description = $"A file that holds the user's password; default ${PasswordVariable} (the password itself)",
            HelpName = "FILE",
        };
        var database = new Option<string>("--database")
        {
            Description = "Postal's main database; default postal",
            DefaultValueFactory = _ => "postal",
        };
        var prefix = new Option<string>("--message-prefix")
        {
            Description = "How the names of message databases begin, before -server-1; default postal",
            DefaultValueFactory = _ => "postal",
        };
        var servers = new Option<string[]>("--server")
        {
            Description = "Only this mail server, as organization/server; may be given again",
            HelpName = "ORG/SERVER",
        };
        var options = ImportCommand.Options();
        var command = new Command("postal", "Takes over tracking domains and every link that a Postal sent.")
        {
            host, port, user, passwordFile, database, prefix, servers,
        };
        options.AddTo(command);
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(options.Cluster)!, async (api, cluster, terminal) =>
        {
            string? password;
            try
            {
                password = parsed.GetValue(passwordFile) is { } file
                    ? (await File.ReadAllTextAsync(file, cancellationToken)).Trim()
                    : Environment.GetEnvironmentVariable(PasswordVariable);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                terminal.Complain($"--db-password-file: {exception.Message}");
                return ExitCode.Usage;
            }

            var where = parsed.GetValue(host)!;
            var address = new MySqlConnectionStringBuilder
            {
                Server = where,
                Port = parsed.GetValue(port),
                UserID = parsed.GetValue(user),
                Password = password ?? "",
                ConnectionProtocol = where.StartsWith('/')
                    ? MySqlConnectionProtocol.UnixSocket
                    : MySqlConnectionProtocol.Sockets,
                CharacterSet = "utf8mb4",
                Pooling = false,
            };
            var source = $"{address.UserID}@{where}:{address.Port}/{parsed.GetValue(database)}";
            await using var postal = new PostalDatabase(
                new MySqlConnection(address.ConnectionString), parsed.GetValue(database)!, parsed.GetValue(prefix)!);
            try
            {
                await postal.OpenAsync(cancellationToken);
                return await options.RunAsync(parsed, api, cluster, source, terminal, (send, progress) =>
                    new ImportPostal(
                        api, cluster, postal, parsed.GetValue(servers) ?? [], parsed.GetValue(options.DryRun), send,
                        progress, terminal).RunAsync(cancellationToken));
            }
            catch (MySqlException exception)
            {
                terminal.Complain($"Postal's database: {exception.Message}");
                return exception.IsTransient || exception.ErrorCode == MySqlErrorCode.UnableToConnectToHost
                    ? ExitCode.Unavailable
                    : ExitCode.Refused;
            }
        }, cancellationToken));
        return command;
    }
}

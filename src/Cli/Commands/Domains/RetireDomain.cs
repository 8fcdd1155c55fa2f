using System.CommandLine;
using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands.Domains;

/// <summary><c>trackctl domains retire</c>.</summary>
internal static class RetireDomain
{
    public static Command Create(Connection connection)
    {
        var name = DomainsCommand.Name();
        var cluster = Connection.Cluster();
        var undo = new Option<bool>("--undo") { Description = "New links may use it again" };
        var command = new Command("retire", "New links do not use the name any more; those sent before go on working.")
        {
            name, cluster, undo,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed,
            parsed.GetValue(cluster)!,
            async (api, id, terminal) => DomainsCommand.Print(
                await api.PatchAsync(
                    DomainsCommand.Path(id, parsed.GetValue(name)),
                    new JsonObject { ["retired"] = !parsed.GetValue(undo) },
                    cancellationToken),
                terminal),
            cancellationToken));
        return command;
    }
}

using System.CommandLine;

namespace Tracking.Cli.Commands.Domains;

/// <summary><c>trackctl domains default</c>.</summary>
internal static class DefaultDomain
{
    public static Command Create(Connection connection)
    {
        var name = DomainsCommand.Name();
        var cluster = Connection.Cluster();
        var unset = new Option<bool>("--unset") { Description = "Makes it no longer the default; none is needed" };
        var command = new Command("default", "Makes a name the cluster's default, for messages that name none.")
        {
            name, cluster, unset,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            var path = DomainsCommand.Path(id, parsed.GetValue(name)) + "/default";
            return DomainsCommand.Print(
                parsed.GetValue(unset)
                    ? await api.DeleteAsync(path, cancellationToken)
                    : await api.PutAsync(path, cancellationToken),
                terminal);
        }, cancellationToken));
        return command;
    }
}

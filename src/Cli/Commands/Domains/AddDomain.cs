using System.CommandLine;
using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands.Domains;

/// <summary><c>trackctl domains add</c>.</summary>
internal static class AddDomain
{
    public static Command Create(Connection connection)
    {
        var name = DomainsCommand.Name();
        var cluster = Connection.Cluster();
        var setAsDefault = new Option<bool>("--default") { Description = "Make it the default once it is verified" };
        var noClicks = new Option<bool>("--no-clicks") { Description = "No clicks are tracked on it" };
        var noOpens = new Option<bool>("--no-opens") { Description = "No opens are tracked on it" };
        var https = SetDomain.Https();
        var utm = SetDomain.Utm();
        var exclude = SetDomain.Exclude();
        var command = new Command("add", "Adds a name of your own, and prints the record to make at your DNS provider.")
        {
            name, cluster, setAsDefault, noClicks, noOpens, https, utm, exclude,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            var body = new JsonObject { ["hostname"] = parsed.GetValue(name) };
            if (parsed.GetValue(setAsDefault))
            {
                body["setAsDefault"] = true;
            }

            if (parsed.GetValue(noClicks))
            {
                body["trackClicks"] = false;
            }

            if (parsed.GetValue(noOpens))
            {
                body["trackOpens"] = false;
            }

            if (parsed.GetValue(https) is { } policy)
            {
                body["https"] = policy;
            }

            if (parsed.GetValue(utm) is { } parameters)
            {
                body["utm"] = parameters;
            }

            if (parsed.GetValue(exclude) is { Length: > 0 } excluded)
            {
                body["excludedDomains"] = SetDomain.Array(excluded);
            }

            var answer = await api.PostAsync(DomainsCommand.Path(id), body, cancellationToken);
            var code = DomainsCommand.Print(answer, terminal);
            if (code == ExitCode.Done && !terminal.Json)
            {
                terminal.Complain($"When the record is made: trackctl domains verify {answer.Json["hostname"]} "
                    + $"--cluster {id} --wait");
            }

            return code;
        }, cancellationToken));
        return command;
    }
}

using System.CommandLine;
using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands.Domains;

/// <summary><c>trackctl domains set</c>.</summary>
internal static class SetDomain
{
    public static Command Create(Connection connection)
    {
        var name = DomainsCommand.Name();
        var cluster = Connection.Cluster();
        var clicks = new Option<bool?>("--clicks") { Description = "Whether clicks are tracked on it" };
        var opens = new Option<bool?>("--opens") { Description = "Whether opens are tracked on it" };
        var https = Https();
        var level = new Option<string?>("--level")
        {
            Description = "full, pseudonymous, anonymous or off: how much is stored about who follows its links",
        };
        var utm = Utm();
        var exclude = Exclude();
        var excludeNone = new Option<bool>("--exclude-none") { Description = "No destination stays plain" };
        var command = new Command("set", "Changes the given settings and keeps the others.")
        {
            name, cluster, clicks, opens, https, level, utm, exclude, excludeNone,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            var patch = new JsonObject();
            if (parsed.GetValue(clicks) is { } trackClicks)
            {
                patch["trackClicks"] = trackClicks;
            }

            if (parsed.GetValue(opens) is { } trackOpens)
            {
                patch["trackOpens"] = trackOpens;
            }

            if (parsed.GetValue(https) is { } policy)
            {
                patch["https"] = policy;
            }

            if (parsed.GetValue(level) is { } kept)
            {
                patch["trackingLevel"] = kept;
            }

            if (parsed.GetValue(utm) is { } parameters)
            {
                patch["utm"] = parameters;
            }

            if (parsed.GetValue(excludeNone))
            {
                patch["excludedDomains"] = new JsonArray();
            }
            else if (parsed.GetValue(exclude) is { Length: > 0 } excluded)
            {
                patch["excludedDomains"] = Array(excluded);
            }

            if (patch.Count == 0)
            {
                terminal.Complain("Nothing to change: give --clicks, --opens, --https, --level, --utm, --exclude or "
                    + "--exclude-none.");
                return ExitCode.Usage;
            }

            return DomainsCommand.Print(
                await api.PatchAsync(DomainsCommand.Path(id, parsed.GetValue(name)), patch, cancellationToken),
                terminal);
        }, cancellationToken));
        return command;
    }

    /// <summary>The option for https.</summary>
    public static Option<string?> Https() => new("--https")
    {
        Description = "required: no new links before there is a certificate; optional: http until then, a transition",
        HelpName = "required|optional",
    };

    /// <summary>The option for UTM parameters.</summary>
    public static Option<string?> Utm() => new("--utm")
    {
        Description = "UTM parameters of the destinations of its links, over those of the cluster, such as "
            + "'utm_source=newsletter&utm_medium=email'; off: none; an empty text: those of the cluster",
        HelpName = "PARAMETERS",
    };

    /// <summary>The option for destinations that stay plain.</summary>
    public static Option<string[]> Exclude() => new("--exclude")
    {
        Description = "A destination that stays plain: example.com, *.example.com, example.com/account; may be given "
            + "several times, and all of them take the place of those before",
        HelpName = "DESTINATION",
    };

    /// <summary>Texts as JSON.</summary>
    public static JsonArray Array(string[] texts) => [.. texts.Select(text => (JsonNode)text)];
}

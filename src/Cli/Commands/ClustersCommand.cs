using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands;

/// <summary><c>trackctl clusters create|list|show|set|delete</c>.</summary>
internal static class ClustersCommand
{
    public static Command Create(Connection connection) => new("clusters", "Works with clusters (tenants).")
    {
        CreateOne(connection),
        List(connection),
        Show(connection),
        Set(connection),
        Delete(connection),
    };

    private static Command CreateOne(Connection connection)
    {
        var name = new Argument<string>("name") { Description = "What it is called" };
        var clicks = new Option<bool>("--clicks") { Description = "Track clicks (off unless given)" };
        var opens = new Option<bool>("--opens") { Description = "Track opens (off unless given)" };
        var notify = Addresses();
        var domains = Domains();
        var settings = Settings();
        var command = new Command("create", "Creates a cluster.") { name, clicks, opens, notify, domains, settings };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, async (api, terminal) =>
        {
            if (ReadSettings(parsed.GetValue(settings), terminal) is not { } wanted)
            {
                return ExitCode.Usage;
            }

            if (parsed.GetValue(clicks))
            {
                wanted["trackClicks"] = true;
            }

            if (parsed.GetValue(opens))
            {
                wanted["trackOpens"] = true;
            }

            var answer = await api.PostAsync(
                "clusters",
                new JsonObject
                {
                    ["name"] = parsed.GetValue(name),
                    ["notifyEmails"] = Array(parsed.GetValue(notify)),
                    ["sendingDomains"] = Array(parsed.GetValue(domains)),
                    ["settings"] = wanted,
                },
                cancellationToken);
            return Print(answer, terminal);
        }));
        return command;
    }

    private static Command List(Connection connection)
    {
        var command = new Command("list", "Lists the clusters that the API key may use.");
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, async (api, terminal) =>
        {
            var items = new JsonArray();
            string? after = null;
            do
            {
                var answer = await api.GetAsync("clusters?limit=500" + Query.After(after), cancellationToken);
                if (!answer.IsDone)
                {
                    return answer.Report(terminal);
                }

                Query.MoveItems(answer.Json, items);
                after = (string?)answer.Json["next"];
            }
            while (after is not null);

            if (terminal.Json)
            {
                terminal.Document(new JsonObject { ["items"] = items });
                return ExitCode.Done;
            }

            var table = new TextTable("ID", "NAME", "CLICKS", "OPENS", "SENDING DOMAINS");
            foreach (var cluster in items)
            {
                table.Add(
                    (string?)cluster!["id"],
                    (string?)cluster["name"],
                    OnOff(cluster["settings"]!["trackClicks"]),
                    OnOff(cluster["settings"]!["trackOpens"]),
                    Join(cluster["sendingDomains"]));
            }

            table.WriteTo(terminal);
            return ExitCode.Done;
        }));
        return command;
    }

    private static Command Show(Connection connection)
    {
        var id = Id();
        var command = new Command("show", "Shows a cluster with its settings.") { id };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed,
            parsed.GetValue(id)!,
            async (api, cluster, terminal) =>
                Print(await api.GetAsync($"clusters/{Query.Escape(cluster)}", cancellationToken), terminal),
            cancellationToken));
        return command;
    }

    private static Command Set(Connection connection)
    {
        var id = Id();
        var name = new Option<string?>("--name") { Description = "A new name" };
        var notify = Addresses();
        var domains = Domains();
        var settings = Settings();
        var command = new Command("set", "Changes the given settings and keeps the others.")
        {
            id, name, notify, domains, settings,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(id)!, async (api, cluster, terminal) =>
        {
            if (ReadSettings(parsed.GetValue(settings), terminal) is not { } wanted)
            {
                return ExitCode.Usage;
            }

            var patch = new JsonObject();
            if (parsed.GetValue(name) is { } newName)
            {
                patch["name"] = newName;
            }

            if (parsed.GetResult(notify) is not null)
            {
                patch["notifyEmails"] = Array(parsed.GetValue(notify));
            }

            if (parsed.GetResult(domains) is not null)
            {
                patch["sendingDomains"] = Array(parsed.GetValue(domains));
            }

            if (wanted.Count != 0)
            {
                patch["settings"] = wanted;
            }

            if (patch.Count == 0)
            {
                terminal.Complain("Nothing to change: give --name, --notify, --sending-domain or --set.");
                return ExitCode.Usage;
            }

            var path = $"clusters/{Query.Escape(cluster)}";
            return Print(await api.PatchAsync(path, patch, cancellationToken), terminal);
        }, cancellationToken));
        return command;
    }

    private static Command Delete(Connection connection)
    {
        var id = Id();
        var yes = new Option<bool>("--yes") { Description = "Confirms the deletion, which cannot be undone" };
        var command = new Command("delete", "Deletes a cluster: its API keys and all links sent for it stop working.")
        {
            id, yes,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, async (api, terminal) =>
        {
            if (!parsed.GetValue(yes))
            {
                terminal.Complain(
                    "Every link that was ever sent for the cluster would stop working. Give --yes to delete the cluster.");
                return ExitCode.Usage;
            }

            var named = parsed.GetValue(id)!;
            var (cluster, refusal) = await FindClusterByName.FindAsync(api, named, cancellationToken);
            if (refusal is not null)
            {
                return refusal.Report(terminal);
            }

            var answer = await api.DeleteAsync($"clusters/{Query.Escape(cluster)}", cancellationToken);
            if (!answer.IsDone)
            {
                return answer.Report(terminal);
            }

            terminal.Complain($"Cluster {cluster} is deleted.");
            return ExitCode.Done;
        }));
        return command;
    }

    private static Argument<string> Id() => new("cluster") { Description = "The cluster's name or id" };

    private static Option<string[]> Addresses() => new("--notify")
    {
        Description = "An address that gets mail about problems; may be given several times",
        HelpName = "ADDRESS",
    };

    private static Option<string[]> Domains() => new("--sending-domain")
    {
        Description = "A domain that the cluster sends mail from; may be given several times",
        HelpName = "DOMAIN",
    };

    private static Option<string[]> Settings() => new("--set")
    {
        Description = "A setting, for example trackClicks=true, linkStyle=path, utm=utm_source=news, "
            + "excludedDomains=a.com,b.com; an empty value is the default; may be given several times",
        HelpName = "NAME=VALUE",
    };

    private static JsonObject? ReadSettings(string[]? given, Terminal terminal)
    {
        var settings = new JsonObject();
        foreach (var text in given ?? [])
        {
            var at = text.IndexOf('=', StringComparison.Ordinal);
            if (at < 1)
            {
                terminal.Complain($"--set: got '{text}', takes NAME=VALUE such as trackClicks=true.");
                return null;
            }

            settings[text[..at]] = ReadValue(text[..at], text[(at + 1)..]);
        }

        return settings;
    }

    // The server checks names and values of settings.
    private static JsonNode? ReadValue(string name, string text) => text switch
    {
        "" => null,
        _ when name is "excludedDomains" or "systemLinks" =>
            Array(text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)),
        "true" or "false" => text == "true",
        _ when int.TryParse(
            text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => number,
        _ => text,
    };

    private static JsonArray Array(string[]? texts) => [.. (texts ?? []).Select(text => (JsonNode)text)];

    private static int Print(ApiAnswer answer, Terminal terminal)
    {
        if (!answer.IsDone)
        {
            return answer.Report(terminal);
        }

        if (terminal.Json)
        {
            terminal.Document(answer.Json);
            return ExitCode.Done;
        }

        var cluster = answer.Json;
        foreach (var name in new[] { "id", "name", "createdAt" })
        {
            terminal.Line($"{name + ":",-18}{cluster[name]}");
        }

        terminal.Line($"{"notifyEmails:",-18}{Join(cluster["notifyEmails"]) ?? "none"}");
        terminal.Line($"{"sendingDomains:",-18}{Join(cluster["sendingDomains"]) ?? "none"}");
        foreach (var (name, value) in cluster["settings"] as JsonObject ?? [])
        {
            var text = value is JsonArray ? Join(value) ?? "none" : value?.ToString();
            terminal.Line($"{name + ":",-18}{text}");
        }

        return ExitCode.Done;
    }

    private static string OnOff(JsonNode? value) => (bool?)value == true ? "on" : "off";

    private static string? Join(JsonNode? list) =>
        list is JsonArray { Count: > 0 } array ? string.Join(", ", array.Select(item => (string?)item)) : null;
}

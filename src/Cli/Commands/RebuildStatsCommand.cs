using System.CommandLine;

namespace Tracking.Cli.Commands;

/// <summary><c>trackctl stats rebuild</c>.</summary>
internal static class RebuildStatsCommand
{
    // Short enough for a person who waits. A large cluster takes minutes.
    private static readonly TimeSpan _askAgain = TimeSpan.FromSeconds(1);

    public static Command Create(Connection connection)
    {
        var cluster = new Option<string?>("--cluster")
        {
            Description = "The cluster; not given: all of them, one after the other",
            HelpName = FindClusterByName.HelpName,
        };
        var from = new Option<string?>("--from")
        {
            Description = "The first day to count again; not given: the day of the oldest stored event",
        };
        var wait = new Option<bool>("--wait") { Description = "Waits until the count is done" };
        var command = new Command("rebuild", "Counts all events again. Until it ends, the old counters are shown.")
        {
            cluster, from, wait,
        };
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(parsed, async (api, terminal) =>
        {
            var (clusters, refusal) = await FindAsync(api, parsed.GetValue(cluster), cancellationToken);
            if (refusal is not null)
            {
                return refusal.Report(terminal);
            }

            var query = Query.Of(("from", parsed.GetValue(from)));
            foreach (var id in clusters)
            {
                var answer = await api.PostAsync(
                    $"clusters/{Query.Escape(id)}/stats/rebuild{query}", null, cancellationToken);
                while (answer.IsDone && parsed.GetValue(wait) && (string?)answer.Json["state"] != "done")
                {
                    await Task.Delay(_askAgain, cancellationToken);
                    answer = await api.GetAsync($"clusters/{Query.Escape(id)}/stats/rebuild", cancellationToken);
                }

                if (!answer.IsDone)
                {
                    return answer.Report(terminal);
                }

                terminal.Line($"{id}: {answer.Json["state"]}, {answer.Json["messages"]} messages");
            }

            return ExitCode.Done;
        }));
        return command;
    }

    private static async Task<(IReadOnlyList<string> Clusters, ApiAnswer? Refusal)> FindAsync(
        TrackingApi api, string? named, CancellationToken cancellationToken)
    {
        if (named is not null)
        {
            var (id, refusal) = await FindClusterByName.FindAsync(api, named, cancellationToken);
            return ([id], refusal);
        }

        var clusters = new List<string>();
        string? after = null;
        do
        {
            var page = await api.GetAsync($"clusters{Query.Of(("after", after))}", cancellationToken);
            if (!page.IsDone)
            {
                return (clusters, page);
            }

            clusters.AddRange(page.Json["items"]!.AsArray().Select(item => (string)item!["id"]!));
            after = (string?)page.Json["next"];
        }
        while (after is not null);

        return (clusters, null);
    }
}

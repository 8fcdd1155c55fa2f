using System.Globalization;
using System.Text.Json.Nodes;
using MySqlConnector;
using Tracking.Links;

namespace Tracking.Cli.Commands.Imports;

/// <summary>
/// Imports a Postal installation: its tracking domains, then the open pixels and links of each server's mail. Postal's
/// URLs are <c>/&lt;server token&gt;/&lt;link token&gt;</c> and <c>/img/&lt;server token&gt;/&lt;message token&gt;</c>.
/// </summary>
internal sealed class ImportPostal(
    TrackingApi api,
    string cluster,
    PostalDatabase postal,
    IReadOnlyList<string> named,
    bool isDryRun,
    SendLinks send,
    ImportProgress progress,
    Terminal terminal)
{
    // This many ids before the last position are read again. Of two rows that were inserted at the same time, the row
    // with the larger id may have become visible first. And messages may not have been parsed for an open pixel yet.
    private const long Overlap = 1_000;

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var servers = await postal.ReadServersAsync(cancellationToken);
        foreach (var name in named.Where(name => servers.All(server => server.Server != name)))
        {
            terminal.Complain($"--server: there is no '{name}'. There are: "
                + $"{string.Join(", ", servers.Select(server => server.Server))}.");
            return ExitCode.Usage;
        }

        servers.RemoveAll(server => named.Count > 0 && !named.Contains(server.Server));
        var domains = (await postal.ReadDomainsAsync(cancellationToken))
            .FindAll(domain => servers.Any(server => server.Id == domain.ServerId));
        var added = new HashSet<string>(StringComparer.Ordinal);
        foreach (var domain in domains)
        {
            if (added.Add(domain.Host) && await AddDomainAsync(domain, cancellationToken) is var code
                and not ExitCode.Done)
            {
                return code;
            }
        }

        foreach (var (id, server) in servers)
        {
            var own = domains.FindAll(domain => domain.ServerId == id);
            if (own.Count == 0)
            {
                send.LeaveOut("noTrackingDomain", server);
                continue;
            }

            var code = await ImportServerAsync(id, server, own, cancellationToken);
            if (code != ExitCode.Done)
            {
                return code;
            }
        }

        return ExitCode.Done;
    }

    private async Task<int> AddDomainAsync(PostalDomain domain, CancellationToken cancellationToken)
    {
        var excluded = new JsonArray();
        foreach (var line in domain.Excluded.Split(
            '\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (HostName.TryParse(line, out var name) && name.Value.Contains('.', StringComparison.Ordinal)
                && !name.Value.Contains('_', StringComparison.Ordinal))
            {
                excluded.Add(name.Value);
            }
            else
            {
                send.LeaveOut("badExclusion", $"{domain.Host}: {line}");
            }
        }

        var path = $"clusters/{Query.Escape(cluster)}/tracking-domains";
        var answer = await api.GetAsync($"{path}/{Query.Escape(domain.Host)}", cancellationToken);
        var isNew = answer.Status == 404;
        if (isNew && isDryRun)
        {
            send.WouldBeAdded.Add(domain.Host);
            Note(domain, "would be added", null);
            return ExitCode.Done;
        }

        if (isNew)
        {
            answer = await api.PostAsync(
                path,
                new JsonObject
                {
                    ["hostname"] = domain.Host,
                    ["trackClicks"] = domain.TracksClicks,
                    ["trackOpens"] = domain.TracksOpens,
                    ["https"] = domain.IsHttps ? "required" : "optional",
                    ["excludedDomains"] = excluded,
                },
                cancellationToken);
        }

        if (answer.Status is 400 or 409)
        {
            send.LeaveOut("domainRefused", $"{domain.Host}: {answer.Complaint}");
            return ExitCode.Done;
        }

        if (!answer.IsDone)
        {
            return answer.Complain(terminal);
        }

        Note(domain, isNew ? "added" : "was there, its settings stay", answer.Json);
        return ExitCode.Done;
    }

    private void Note(PostalDomain domain, string what, JsonObject? answer)
    {
        var record = (string?)answer?["verification"]?["value"];
        var seen = domain.Status == "OK" ? "" : $" (Postal's check of its record said {domain.Status ?? "nothing"})";
        send.Domains.Add(new JsonObject
        {
            ["hostname"] = domain.Host,
            ["server"] = domain.Server,
            ["result"] = what,
            ["status"] = (string?)answer?["status"],
            ["record"] = record,
        });
        if (!terminal.Json)
        {
            terminal.Line($"{domain.Host} of {domain.Server}: {what}{seen}"
                + (record is null ? "" : $"; its record: CNAME {record}"));
        }
    }

    private async Task<int> ImportServerAsync(
        int id, string server, List<PostalDomain> domains, CancellationToken cancellationToken)
    {
        var token = domains[0].ServerToken;
        try
        {
            var code = await SendAsync(
                $"{server} opens",
                after => postal.ReadOpensAsync(id, after, cancellationToken),
                row => ($"{server} message {row.Id}", $"/img/{token}/{row.Token}", null),
                token,
                domains,
                cancellationToken);
            return code != ExitCode.Done
                ? code
                : await SendAsync(
                    $"{server} links",
                    after => postal.ReadLinksAsync(id, after, cancellationToken),
                    row => ($"{server} link {row.Id}", $"/{token}/{row.Token}", row.Url ?? ""),
                    token,
                    domains,
                    cancellationToken);
        }
        catch (MySqlException exception) when (exception.ErrorCode is MySqlErrorCode.UnknownDatabase
            or MySqlErrorCode.NoSuchTable or MySqlErrorCode.BadFieldError or MySqlErrorCode.DatabaseAccessDenied
            or MySqlErrorCode.TableAccessDenied)
        {
            send.LeaveOut("noDatabase", $"{server}: {exception.Message}");
            return ExitCode.Done;
        }
    }

    private async Task<int> SendAsync(
        string part,
        Func<long, IAsyncEnumerable<PostalRow>> read,
        Func<PostalRow, (string Where, string Path, string? Url)> link,
        string serverToken,
        List<PostalDomain> domains,
        CancellationToken cancellationToken)
    {
        var last = progress.Of(part);
        await foreach (var row in read(Math.Max(0, last - Overlap)))
        {
            if (row.Token is { Length: > 0 })
            {
                var (where, path, url) = link(row);
                foreach (var host in HostsOf(row, domains))
                {
                    send.Add(new OtherLink(where, host, path, url)
                    {
                        Message = row.MessageId is { } message
                            ? string.Create(CultureInfo.InvariantCulture, $"postal:{serverToken}:{message}")
                            : null,
                        Recipient = row.Recipient,
                        Sender = row.Sender,
                        Tag = row.Tag,
                        SentAt = row.SentAt,
                    });
                }
            }

            last = Math.Max(last, row.Id);
            if (send.IsFull)
            {
                if (await send.SendAsync(cancellationToken) is var code and not ExitCode.Done)
                {
                    return code;
                }

                progress.Set(part, last);
            }
        }

        var ended = await send.SendAsync(cancellationToken);
        if (ended == ExitCode.Done)
        {
            progress.Set(part, last);
        }

        return ended;
    }

    // Mail of a sending domain has links on that domain's tracking domain. If the sending domain is unknown, because
    // the message is deleted, each tracking domain of the server is possible.
    private static IEnumerable<string> HostsOf(PostalRow row, List<PostalDomain> domains) =>
        (domains.FindAll(domain => domain.DomainId == row.DomainId) is { Count: > 0 } own ? own : domains)
            .Select(domain => domain.Host).Distinct();
}

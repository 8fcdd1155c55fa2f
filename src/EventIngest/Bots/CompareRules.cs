using System.Net;
using System.Text;
using System.Text.Json;
using Npgsql;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.EventIngest.Bots;

/// <summary>Finds which recent events other rules would classify differently. It changes no event.</summary>
internal sealed class CompareRules(NpgsqlDataSource dataSource)
{
    private const int MostNamed = 50;
    private const int MostText = 256;

    // Enough events to see the changes, and few enough to be read while events are stored.
    private const int MostEvents = 100_000;

    private const string Sample =
        """
        SELECT user_agent, client_address, kind, coalesce(shape, 0), count(*)
        FROM (SELECT user_agent, client_address, kind, shape FROM ingest.events
            WHERE id >= ingest.uuidv7_floor(now() - interval '7 days') AND user_agent IS NOT NULL LIMIT $1) e
        GROUP BY 1, 2, 3, 4
        """;

    /// <summary>The difference as JSON: <c>events</c>, the number of events that were compared; <c>changed</c>, the
    /// number of events with another verdict; and <c>changes</c>, the most frequent first.</summary>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public async Task<string> RunAsync(RuleSet before, RuleSet after, CancellationToken cancellationToken)
    {
        ClassifyEvent one = new(), other = new();
        one.Replace(before);
        other.Replace(after);
        var (events, changes) = (0L, new Dictionary<(string Agent, string From, string To, string By), long>());
        await using var command = dataSource.CreateCommand(Sample);
        command.Parameters.Add(new() { Value = MostEvents });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            var agent = row.GetString(0);
            var address = row.IsDBNull(1) ? [] : row.GetFieldValue<IPAddress>(1).GetAddressBytes();
            var (kind, shape, count) = ((LinkKind)row.GetInt16(2), (byte)row.GetInt16(3), row.GetInt64(4));
            events += count;
            var (was, now) = (Judge(one, agent, address, kind, shape), Judge(other, agent, address, kind, shape));
            if (was.Verdict != now.Verdict)
            {
                var key = (
                    agent.Length > MostText ? agent[..MostText] : agent, Word(was.Verdict), Word(now.Verdict),
                    string.Join(' ', now.Evidence.Select(reason => reason.Code)));
                changes[key] = changes.GetValueOrDefault(key) + count;
            }
        }

        return JsonSerializer.Serialize(
            new
            {
                Events = events,
                Changed = changes.Values.Sum(),
                Changes = changes.OrderByDescending(change => change.Value).Take(MostNamed).Select(change => new
                {
                    UserAgent = change.Key.Agent,
                    change.Key.From,
                    change.Key.To,
                    Reasons = change.Key.By,
                    Events = change.Value,
                }),
            },
            ClusterSettings.Json);
    }

    private static Classification Judge(
        ClassifyEvent classify, string agent, byte[] address, LinkKind kind, byte shape) =>
        classify.Recognise(Encoding.UTF8.GetBytes(agent)).For(kind, shape, classify.NetworkOf(address, kind));

    private static string Word(Verdict verdict) => JsonNamingPolicy.CamelCase.ConvertName(verdict.ToString());
}

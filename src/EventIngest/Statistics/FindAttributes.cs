using System.Runtime.InteropServices;
using Npgsql;
using NpgsqlTypes;
using Tracking.Contracts;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.EventIngest.Statistics;

/// <summary>
/// Finds the tags, recipient domains, hosts and link places of a batch's messages. One look-up finds all messages that
/// are not in memory. Messages stay in memory for a while, because the events of a message come close together. A
/// message that is not registered is not kept in memory, and is looked up again.
/// </summary>
internal sealed class FindAttributes(NpgsqlDataSource dataSource)
{
    // Two sets of this size take about 10 MB. The older set is dropped when the newer set is full.
    private const int Remembered = 32_768;

    // The longest text in a key of a counter. A domain from outside may have any length.
    private const int LongestText = 253;

    // One look-up for each key (OFFSET 0). For a few thousand keys, PostgreSQL's planner would rather read the whole
    // table.
    private const string Select =
        """
        SELECT wanted.cluster_id, wanted.message_key, m.tags, m.recipient_domain, m.host, m.link_map, m.is_test,
            m.system_links
        FROM unnest($1::integer[], $2::bytea[]) AS wanted (cluster_id, message_key)
        CROSS JOIN LATERAL (
            SELECT m.tags, m.recipient_domain, m.host, m.link_map, m.is_test, m.system_links
            FROM rewrite.messages m
            WHERE m.cluster_id = wanted.cluster_id AND m.message_key = wanted.message_key
            OFFSET 0) m
        """;

    private readonly Lock _changing = new();
    private readonly Dictionary<uint, (byte[] Map, ulong[] Places)> _maps = [];
    private Dictionary<(int Cluster, MessageKey Message), MessageAttributes> _newer = [];
    private Dictionary<(int Cluster, MessageKey Message), MessageAttributes> _older = [];

    /// <summary>Finds the attributes of the registered messages.</summary>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public async Task<IReadOnlyDictionary<(int Cluster, MessageKey Message), MessageAttributes>> RunAsync(
        IEnumerable<(int Cluster, MessageKey Message)> messages, CancellationToken cancellationToken)
    {
        var found = new Dictionary<(int Cluster, MessageKey Message), MessageAttributes>();
        var wanted = new HashSet<(int Cluster, MessageKey Message)>();
        lock (_changing)
        {
            foreach (var message in messages)
            {
                if (_newer.TryGetValue(message, out var known) || _older.TryGetValue(message, out known))
                {
                    found[message] = known;
                }
                else
                {
                    wanted.Add(message);
                }
            }
        }

        if (wanted.Count > 0)
        {
            await AskAsync([.. wanted], found, cancellationToken);
        }

        return found;
    }

    private async Task AskAsync(
        (int Cluster, MessageKey Message)[] wanted,
        Dictionary<(int Cluster, MessageKey Message), MessageAttributes> found,
        CancellationToken cancellationToken)
    {
        // Sorted in the order of the index, so consecutive keys share its pages.
        Array.Sort(wanted);
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        // Not prepared: a plan that was made for a small table would be kept when the table is large.
        await using var command = new NpgsqlCommand(Select, connection)
        {
            Parameters =
            {
                new NpgsqlParameter<int[]> { TypedValue = Array.ConvertAll(wanted, message => message.Cluster) },
                new NpgsqlParameter<byte[][]>
                {
                    TypedValue = Array.ConvertAll(wanted, message => message.Message.ToBytes()),
                    NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea,
                },
            },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var message = (reader.GetInt32(0), MessageKey.Read(reader.GetFieldValue<byte[]>(1)));
            var tags = reader.GetFieldValue<string[]>(2);
            var domain = reader.IsDBNull(3) ? "" : Cut(reader.GetString(3));
            var (host, map) = (Cut(reader.GetString(4)), reader.GetFieldValue<byte[]>(5));
            var isTest = reader.GetBoolean(6);
            var systemLinks = reader.IsDBNull(7) ? null : reader.GetFieldValue<short[]>(7);
            lock (_changing)
            {
                found[message] = Remember(
                    message, new MessageAttributes(Distinct(tags), domain, host, PlacesOf(map))
                    {
                        IsTest = isTest,
                        SystemLinks = systemLinks,
                    });
            }
        }
    }

    private MessageAttributes Remember((int Cluster, MessageKey Message) message, MessageAttributes attributes)
    {
        if (_newer.Count >= Remembered)
        {
            (_older, _newer) = (_newer, []);
        }

        _newer[message] = attributes;
        return attributes;
    }

    // The messages of a campaign have the same link map.
    private ulong[] PlacesOf(byte[] map)
    {
        if (_maps.Count >= 4096)
        {
            _maps.Clear();
        }

        ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(_maps, EventRecord.Crc32C(map), out _);
        if (known.Map is null || !map.AsSpan().SequenceEqual(known.Map))
        {
            known = (map, [.. LinkMap.Read(map).Select(
                place => ((ulong)(uint)place.Part << 32) | (uint)place.Position)]);
        }

        return known.Places;
    }

    // Most messages have one tag or none, and hardly any message has the same tag twice.
    private static string[] Distinct(string[] tags)
    {
        for (var index = 0; index < tags.Length; index++)
        {
            tags[index] = Cut(tags[index]);
            if (Array.IndexOf(tags, tags[index], 0, index) >= 0)
            {
                return [.. tags.Select(Cut).Distinct()];
            }
        }

        return tags;
    }

    private static string Cut(string text) => text.Length <= LongestText ? text : text[..LongestText];
}

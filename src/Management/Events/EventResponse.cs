using System.Net;
using System.Text.Json.Serialization;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Management.Events;

/// <summary>The link of an event.</summary>
/// <param name="Id">The id of the destination, 16 hexadecimal digits.</param>
/// <param name="Url">The destination; user name and password are masked.</param>
/// <param name="Name">The link's name in its message.</param>
/// <param name="Part">The body part.</param>
/// <param name="Position">The link's place in the part, from 1.</param>
public sealed record EventLink(string Id, string? Url, string? Name, int? Part, int? Position);

/// <summary>Who or what caused an event.</summary>
/// <param name="Verdict">human, proxy, prefetch, preview, scanner or unknown.</param>
/// <param name="Vendor">The maker of the program or the owner of the network; null if unknown.</param>
/// <param name="Reasons">The codes of the reasons for the verdict; GET …/events/{id}/explanation explains each.</param>
/// <param name="Score">The sum of the reasons' weights: a machine from 50 on, a person below 0; null for events from
/// the time before scores existed.</param>
/// <param name="Provisional">Whether later events may still change the verdict: for three minutes after the
/// event.</param>
/// <param name="RevisedAt">When later evidence changed the verdict; null if the verdict has not changed.</param>
public sealed record EventClassification(
    Verdict Verdict,
    string? Vendor,
    IReadOnlyList<string> Reasons,
    int? Score,
    bool Provisional,
    DateTimeOffset? RevisedAt);

/// <summary>A click, an open, a fetch of an image, or a hit on a honeypot.</summary>
/// <param name="Id">The event's id. The edge gives it once, so an event has only one id.</param>
/// <param name="Time">When the edge answered the request.</param>
/// <param name="Kind">click, open, image or honeypot.</param>
/// <param name="Message">The message, 18 hexadecimal digits.</param>
/// <param name="MessageId">The id that the sender of the message gave.</param>
/// <param name="Recipient">The message's recipient.</param>
/// <param name="Link">The link; null for an open.</param>
/// <param name="Ordinal">The link's number in the whole message, from 0; null for an open.</param>
/// <param name="ClientAddress">The client's address, as the cluster's address policy stores it.</param>
/// <param name="UserAgent">The user agent as it was sent.</param>
/// <param name="Method">The HTTP method.</param>
/// <param name="Classification">Who or what caused it.</param>
public sealed record EventResponse(
    Guid Id,
    DateTimeOffset Time,
    LinkKind Kind,
    string Message,
    string? MessageId,
    string? Recipient,
    EventLink? Link,
    int? Ordinal,
    string? ClientAddress,
    string? UserAgent,
    string Method,
    EventClassification Classification)
{
    /// <summary>test: its message is a test; systemLink: its link leads to the sender's own pages. Such an event counts
    /// nowhere. Left out where it counts.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public WhyUncounted? Uncounted { get; init; }

    /// <summary>The columns that <see cref="Read"/> reads.</summary>
    internal static readonly string Columns =
        $"""
        e.id, e.occurred_at, e.kind, e.message_key, m.message_id, m.recipient, e.link_id, d.url, m.link_map, e.ordinal,
        e.client_address, e.user_agent, e.method, e.verdict, e.vendor, e.reasons, e.score,
        e.occurred_at > now() - interval '{(int)Verdicts.ProvisionalFor.TotalSeconds} seconds', e.revised_at,
        e.uncounted
        """;

    /// <summary>The number of these columns.</summary>
    internal const int ColumnCount = 20;

    internal static EventResponse Read(NpgsqlDataReader row)
    {
        string? Text(int column) => row.IsDBNull(column) ? null : row.GetString(column);

        var link = LinkId.FromInt64(row.GetInt64(6));
        var ordinal = row.GetInt16(9);
        return new EventResponse(
            row.GetGuid(0),
            row.GetFieldValue<DateTimeOffset>(1),
            (LinkKind)row.GetInt16(2),
            MessageKey.Read(row.GetFieldValue<byte[]>(3)).ToString(),
            Text(4),
            Text(5),
            link.Value == 0
                ? null
                : LinkOf(link, Text(7), row.IsDBNull(8) ? [] : row.GetFieldValue<byte[]>(8), ordinal),
            link.Value == 0 ? null : ordinal,
            row.IsDBNull(10) ? null : row.GetFieldValue<IPAddress>(10).ToString(),
            Text(11),
            row.GetInt16(12) == 0 ? "GET" : "other",
            new EventClassification(
                (Verdict)row.GetInt16(13),
                Text(14),
                row.GetFieldValue<string[]>(15),
                row.IsDBNull(16) ? null : row.GetInt16(16),
                row.GetBoolean(17),
                row.IsDBNull(18) ? null : row.GetFieldValue<DateTimeOffset>(18)))
        {
            Uncounted = row.IsDBNull(19) ? null : (WhyUncounted)row.GetInt16(19),
        };
    }

    private static EventLink LinkOf(LinkId link, string? url, byte[] map, int ordinal)
    {
        var places = LinkMap.Read(map);
        var place = ordinal < places.Count ? places[ordinal] : (LinkPlace?)null;
        return new EventLink(
            link.ToString(), url is null ? null : ShownUrl.Mask(url), place?.Name, place?.Part, place?.Position);
    }
}

using Npgsql;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Management.Messages;

/// <summary>A rewritten message.</summary>
/// <param name="Id">18 hexadecimal digits.</param>
/// <param name="MessageId">The id that the sender gave, or the hash that was made for the message.</param>
/// <param name="Sender">The envelope sender.</param>
/// <param name="Recipient">The envelope recipient.</param>
/// <param name="Tags">The tags, at most ten.</param>
/// <param name="TrackingLevel">The tracking level under which it was rewritten.</param>
/// <param name="Host">The tracking host in its links.</param>
/// <param name="SentAt">When it was sent, as the sender says.</param>
/// <param name="RegisteredAt">When it was rewritten.</param>
/// <param name="Links">The number of tracked links.</param>
/// <param name="OpensTracked">Whether it has an open pixel.</param>
/// <param name="Test">Whether its sender called it a test: its events are listed and count nowhere.</param>
internal record MessageResponse(
    string Id,
    string MessageId,
    string? Sender,
    string? Recipient,
    IReadOnlyList<string> Tags,
    TrackingLevel TrackingLevel,
    string Host,
    DateTimeOffset? SentAt,
    DateTimeOffset RegisteredAt,
    int Links,
    bool OpensTracked,
    bool Test)
{
    /// <summary>The columns of <c>rewrite.messages m</c> that <see cref="Read"/> reads.</summary>
    public const string Columns =
        """
        m.message_key, m.message_id, m.sender, m.recipient, m.tags, m.tracking_level, m.host, m.sent_at,
        m.registered_at, m.link_count, m.opens_tracked, m.is_test
        """;

    /// <summary>The condition that the recipient equals the parameter, in upper or lower case. The parameter is needed
    /// twice: first as in the index <c>messages_recipient</c>, then exactly.</summary>
    public static string IsRecipient(string table) =>
        $"""left(lower({table}.recipient), 254) COLLATE "C" = left(lower(?), 254) AND lower({table}.recipient) = lower(?)""";

    public static MessageResponse Read(NpgsqlDataReader row) => new(
        MessageKey.Read(row.GetFieldValue<byte[]>(0)).ToString(),
        row.GetString(1),
        row.IsDBNull(2) ? null : row.GetString(2),
        row.IsDBNull(3) ? null : row.GetString(3),
        row.GetFieldValue<string[]>(4),
        (TrackingLevel)row.GetInt16(5),
        row.GetString(6),
        row.IsDBNull(7) ? null : row.GetFieldValue<DateTimeOffset>(7),
        row.GetFieldValue<DateTimeOffset>(8),
        row.GetInt32(9),
        row.GetBoolean(10),
        row.GetBoolean(11));
}

/// <summary>A tracked link of a message.</summary>
/// <param name="Ordinal">The link's number in the whole message, from 0.</param>
/// <param name="Part">The body part.</param>
/// <param name="Position">The link's place in the part, from 1.</param>
/// <param name="Name">The link's name for reports.</param>
/// <param name="Clicks">Clicks on it, of machines too.</param>
/// <param name="System">Whether it leads to the sender's own pages: its clicks are listed and count nowhere.</param>
internal sealed record MessageLink(int Ordinal, int Part, int Position, string Name, long Clicks, bool System);

/// <summary>A message with its links and totals.</summary>
internal sealed record MessageDetails : MessageResponse
{
    public MessageDetails(MessageResponse message)
        : base(message)
    {
    }

    /// <summary>The tracked links, in the order of their ordinals.</summary>
    public required IReadOnlyList<MessageLink> Places { get; init; }

    /// <summary>How many links were left as they were, by reason (docs/reasons.md); empty where none was, or where the
    /// message is of a version that did not say.</summary>
    public required IReadOnlyDictionary<string, int> LeftPlain { get; init; }

    /// <summary>Clicks, of machines too, without those on system links.</summary>
    public required long Clicks { get; init; }

    /// <summary>Opens, of machines too.</summary>
    public required long Opens { get; init; }

    /// <summary>Clicks without a recognised machine.</summary>
    public required long HumanClicks { get; init; }

    /// <summary>Opens without a recognised machine. A mail provider's image proxy counts as its user.</summary>
    public required long HumanOpens { get; init; }
}

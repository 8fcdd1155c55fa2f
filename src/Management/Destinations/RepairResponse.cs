using System.Text.Json.Serialization;
using Npgsql;
using Tracking.Links;

namespace Tracking.Management.Destinations;

/// <summary>A repair: a new destination for a link, within a message or a tag.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Link">The link's id, 16 hexadecimal digits: the destination in the mail.</param>
/// <param name="From">The destination in the mail; user name and password are masked.</param>
/// <param name="NewLink">The id of the link for which clicks are counted from now on.</param>
/// <param name="Url">The new destination; user name and password are masked.</param>
/// <param name="Message">The message's id, 18 hexadecimal digits; null for a tag.</param>
/// <param name="Tag">The tag; null for a message.</param>
/// <param name="CreatedAt">When the repair was made.</param>
/// <param name="UndoneAt">When the repair was undone or replaced; null while it is in force.</param>
internal sealed record RepairResponse(
    Guid Id,
    string Link,
    string? From,
    string NewLink,
    string? Url,
    string? Message,
    string? Tag,
    DateTimeOffset CreatedAt,
    DateTimeOffset? UndoneAt)
{
    /// <summary>The statement whose rows <see cref="Read"/> reads.</summary>
    public const string Select =
        """
        SELECT r.id, r.link_id, o.url, r.new_link_id, n.url, r.message_key, r.tag, r.created_at, r.undone_at
        FROM links.repairs r
        LEFT JOIN links.destinations o ON o.cluster_id = r.cluster_id AND o.link_id = r.link_id
        LEFT JOIN links.destinations n ON n.cluster_id = r.cluster_id AND n.link_id = r.new_link_id
        """;

    /// <summary>Whether the repair is in force.</summary>
    [JsonIgnore]
    public bool Acts => UndoneAt is null;

    public static RepairResponse Read(NpgsqlDataReader row)
    {
        string? Url(int column) => row.IsDBNull(column) ? null : ShownUrl.Mask(row.GetString(column));

        return new RepairResponse(
            row.GetGuid(0),
            LinkId.FromInt64(row.GetInt64(1)).ToString(),
            Url(2),
            LinkId.FromInt64(row.GetInt64(3)).ToString(),
            Url(4),
            row.IsDBNull(5) ? null : MessageKey.Read(row.GetFieldValue<byte[]>(5)).ToString(),
            row.IsDBNull(6) ? null : row.GetString(6),
            row.GetFieldValue<DateTimeOffset>(7),
            row.IsDBNull(8) ? null : row.GetFieldValue<DateTimeOffset>(8));
    }
}

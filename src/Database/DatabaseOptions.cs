using System.ComponentModel.DataAnnotations;

namespace Tracking.Database;

/// <summary>Connections to PostgreSQL: <c>Tracking__Database__…</c>. Mail and clicks have their own pool, which reads
/// of the API cannot exhaust.</summary>
public sealed class DatabaseOptions
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Database";

    /// <summary>The most connections for registration, for storing events and for look-ups of links and keys; 4 to
    /// 1,000, default 40: two registrations, two batches and sixteen look-ups at the same time, and as many again. A
    /// <c>Maximum Pool Size</c> in the connection string wins.</summary>
    [Range(4, 1_000)]
    public int MailConnections { get; set; } = 40;

    /// <summary>The most connections of the API; 2 to 500, default 20: ten tenants with two requests each. More would
    /// not read faster on a server of a few cores.</summary>
    [Range(2, 500)]
    public int ApiConnections { get; set; } = 20;

    /// <summary>The longest that a statement of the API may run; 100 ms to 5 min, default 10 s: longer than a page or a
    /// month's statistics takes, shorter than a person waits. PostgreSQL then ends the statement
    /// (<c>statement_timeout</c>).</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:05:00")]
    public TimeSpan ApiStatementTimeout { get; set; } = TimeSpan.FromSeconds(10);
}

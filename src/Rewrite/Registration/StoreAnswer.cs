using Npgsql;

namespace Tracking.Rewrite.Registration;

/// <summary>
/// What an error of PostgreSQL speaks of, by the class of its SQLSTATE (appendix A): of the store, which is away for
/// everybody, or of a row, which comes back with it.
/// </summary>
internal static class StoreAnswer
{
    /// <summary>Whether nothing can be stored, whatever it is: no connection, wrong credentials, a standby that is
    /// read-only, no room, a server that stops, or a lock that is not to be had now.</summary>
    public static bool IsAway(Exception exception) => exception switch
    {
        PostgresException answer =>
            Class(answer) is "08" or "25" or "28" or "3D" or "40" or "53" or "55" or "57" or "58",
        NpgsqlException or TimeoutException or IOException => true,
        _ => false,
    };

    /// <summary>Whether a message that is alone is refused for its content: cardinality violation, data exception,
    /// integrity constraint violation, check option violation, program limit exceeded, and what a trigger raises. What is
    /// neither this nor <see cref="IsAway"/>, as a missing table, is the store's until somebody has looked after it.
    /// </summary>
    public static bool IsAboutRow(PostgresException answer) =>
        Class(answer) is "21" or "22" or "23" or "44" or "54" or "P0";

    private static ReadOnlySpan<char> Class(PostgresException answer) =>
        answer.SqlState.AsSpan(0, Math.Min(2, answer.SqlState.Length));
}

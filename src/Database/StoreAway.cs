using System.Net.Sockets;
using Npgsql;

namespace Tracking.Database;

/// <summary>The cause of an exception that ended a database operation.</summary>
public enum StoreFault
{
    /// <summary>The exception does not come from the database.</summary>
    None,

    /// <summary>The database is unavailable: it cannot process any statement now. The same statement may succeed
    /// later.</summary>
    Away,

    /// <summary>The database refuses the values of this statement, and will refuse them again. Statements with other
    /// values succeed.</summary>
    Content,

    /// <summary>The database refuses for another reason: a missing table, a missing right, a damaged index. The
    /// statement succeeds after an operator has repaired the database or a developer the statement.</summary>
    Unfit,
}

/// <summary>
/// Decides whether the database is unavailable. No other code decides this. PostgreSQL's errors are distinguished by
/// the class of their SQLSTATE (PostgreSQL's manual, appendix A). Every other exception of Npgsql means that there was
/// no answer.
/// </summary>
public static class StoreAway
{
    /// <summary>Whether the database is unavailable.</summary>
    public static bool Is(Exception exception) => FaultOf(exception) == StoreFault.Away;

    /// <summary>Whether the cause is the database, and not the values of the statement. Callers keep their work and
    /// repeat it later.</summary>
    public static bool IsOrUnfit(Exception exception) =>
        FaultOf(exception) is StoreFault.Away or StoreFault.Unfit;

    /// <summary>Whether PostgreSQL ended a statement because of its timeout, SQLSTATE 57014. <see cref="Is"/> is true
    /// too, so code with a timeout (<see cref="DatabaseOptions.ApiStatementTimeout"/>) calls this first.</summary>
    public static bool IsStatementTimeout(Exception exception) =>
        Npgsql(exception) is PostgresException { SqlState: PostgresErrorCodes.QueryCanceled };

    /// <summary>Whether the server refuses our role or password, SQLSTATE class 28. <see cref="Is"/> is true too: a
    /// service that runs already waits, because the role may come back.</summary>
    public static bool IsLoginRefused(Exception exception) =>
        Npgsql(exception) is PostgresException { SqlState: ['2', '8', ..] };

    /// <summary>Whether the connection string is wrong: the login is refused, or the database does not exist (3D000).
    /// <see cref="Is"/> is true too.</summary>
    public static bool IsWrongConnection(Exception exception) =>
        IsLoginRefused(exception)
        || Npgsql(exception) is PostgresException { SqlState: PostgresErrorCodes.InvalidCatalogName };

    /// <summary>The fault that caused <paramref name="exception"/>. An exception of Npgsql that EF Core wraps counts
    /// like the inner one.</summary>
    public static StoreFault FaultOf(Exception exception) => Npgsql(exception) switch
    {
        PostgresException answer => FaultOf(answer.SqlState),
        not null => StoreFault.Away,
        // Npgsql wraps most of these. An unwrapped one is, for example, an unreadable file of the connection string.
        null when exception is SocketException or TimeoutException or IOException => StoreFault.Away,
        null => StoreFault.None,
    };

    /// <summary>The fault that a SQLSTATE means.</summary>
    public static StoreFault FaultOf(string sqlState) => sqlState.AsSpan(0, Math.Min(2, sqlState.Length)) switch
    {
        // No connection (08). A transaction in the wrong state (25), mostly on a standby, which is read-only (25006).
        "08" or "25" => StoreFault.Away,
        // The server refuses our role or password, or the database does not exist: no connection is possible.
        "28" or "3D" => StoreFault.Away,
        // Rolled back because of other transactions: serialization, deadlock (40). A lock is not available now (55).
        "40" or "55" => StoreFault.Away,
        // No memory, no disk, too many connections (53). The server stops or starts (57). The operating system failed
        // (58).
        "53" or "57" or "58" => StoreFault.Away,
        // Cardinality, data exception, integrity constraint, check option, program limit, or an exception of a trigger.
        "21" or "22" or "23" or "44" or "54" or "P0" => StoreFault.Content,
        _ => StoreFault.Unfit,
    };

    private static NpgsqlException? Npgsql(Exception? exception)
    {
        while (exception is not (null or NpgsqlException))
        {
            exception = exception.InnerException;
        }

        return (NpgsqlException?)exception;
    }
}

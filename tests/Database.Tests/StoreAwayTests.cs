using System.Net.Sockets;
using System.Reflection;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Tracking.Database.Tests;

public sealed class StoreAwayTests
{
    // Every class of SQLSTATE that PostgreSQL has (appendix A), so that a new one has to be decided.
    private static readonly Dictionary<string, StoreFault> _classes = new()
    {
        ["00"] = StoreFault.Unfit,
        ["01"] = StoreFault.Unfit,
        ["02"] = StoreFault.Unfit,
        ["03"] = StoreFault.Unfit,
        ["08"] = StoreFault.Away,
        ["09"] = StoreFault.Unfit,
        ["0A"] = StoreFault.Unfit,
        ["0B"] = StoreFault.Unfit,
        ["0F"] = StoreFault.Unfit,
        ["0L"] = StoreFault.Unfit,
        ["0P"] = StoreFault.Unfit,
        ["0Z"] = StoreFault.Unfit,
        ["20"] = StoreFault.Unfit,
        ["21"] = StoreFault.Content,
        ["22"] = StoreFault.Content,
        ["23"] = StoreFault.Content,
        ["24"] = StoreFault.Unfit,
        ["25"] = StoreFault.Away,
        ["26"] = StoreFault.Unfit,
        ["27"] = StoreFault.Unfit,
        ["28"] = StoreFault.Away,
        ["2B"] = StoreFault.Unfit,
        ["2D"] = StoreFault.Unfit,
        ["2F"] = StoreFault.Unfit,
        ["34"] = StoreFault.Unfit,
        ["38"] = StoreFault.Unfit,
        ["39"] = StoreFault.Unfit,
        ["3B"] = StoreFault.Unfit,
        ["3D"] = StoreFault.Away,
        ["3F"] = StoreFault.Unfit,
        ["40"] = StoreFault.Away,
        ["42"] = StoreFault.Unfit,
        ["44"] = StoreFault.Content,
        ["53"] = StoreFault.Away,
        ["54"] = StoreFault.Content,
        ["55"] = StoreFault.Away,
        ["57"] = StoreFault.Away,
        ["58"] = StoreFault.Away,
        ["72"] = StoreFault.Unfit,
        ["F0"] = StoreFault.Unfit,
        ["HV"] = StoreFault.Unfit,
        ["P0"] = StoreFault.Content,
        ["XX"] = StoreFault.Unfit,
    };

    [Fact]
    public void Every_SQLSTATE_is_decided_by_its_class()
    {
        var states = typeof(PostgresErrorCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Select(field => (string)field.GetRawConstantValue()!)
            .ToList();
        Assert.InRange(states.Count, 200, int.MaxValue);

        Assert.All(states, state => Assert.Equal(_classes[state[..2]], StoreAway.FaultOf(Answer(state))));
    }

    [Theory]
    // The server stops, starts, has crashed; the database was dropped; the connection was idle for too long.
    [InlineData("57P01", StoreFault.Away)]
    [InlineData("57P02", StoreFault.Away)]
    [InlineData("57P03", StoreFault.Away)]
    [InlineData("57P04", StoreFault.Away)]
    [InlineData("57P05", StoreFault.Away)]
    // A standby after a failover; too many connections; a full disk; a wrong password; no such database.
    [InlineData("25006", StoreFault.Away)]
    [InlineData("53300", StoreFault.Away)]
    [InlineData("53100", StoreFault.Away)]
    [InlineData("28P01", StoreFault.Away)]
    [InlineData("3D000", StoreFault.Away)]
    // Serialization, deadlock, lock not available, statement timeout.
    [InlineData("40001", StoreFault.Away)]
    [InlineData("40P01", StoreFault.Away)]
    [InlineData("55P03", StoreFault.Away)]
    [InlineData("57014", StoreFault.Away)]
    // Broken text, a number out of range, a value that is there, a check, a row too large, a trigger's word.
    [InlineData("22021", StoreFault.Content)]
    [InlineData("22003", StoreFault.Content)]
    [InlineData("23505", StoreFault.Content)]
    [InlineData("23514", StoreFault.Content)]
    [InlineData("54000", StoreFault.Content)]
    [InlineData("21000", StoreFault.Content)]
    [InlineData("44000", StoreFault.Content)]
    [InlineData("P0001", StoreFault.Content)]
    // No such table, no right, a wrong statement, a damaged index, a SQLSTATE that nobody knows.
    [InlineData("42P01", StoreFault.Unfit)]
    [InlineData("42501", StoreFault.Unfit)]
    [InlineData("42601", StoreFault.Unfit)]
    [InlineData("XX002", StoreFault.Unfit)]
    [InlineData("99999", StoreFault.Unfit)]
    [InlineData("", StoreFault.Unfit)]
    public void An_answer_of_PostgreSQL_says_whose_fault_it_is(string sqlState, StoreFault fault)
    {
        Assert.Equal(fault, StoreAway.FaultOf(Answer(sqlState)));
        Assert.Equal(fault == StoreFault.Away, StoreAway.Is(Answer(sqlState)));
        Assert.Equal(fault != StoreFault.Content, StoreAway.IsOrUnfit(Answer(sqlState)));
        Assert.Equal(fault, StoreAway.FaultOf(new DbUpdateException("stored by EF Core", Answer(sqlState))));
    }

    [Theory]
    [InlineData(SocketError.ConnectionRefused)]
    [InlineData(SocketError.ConnectionReset)]
    [InlineData(SocketError.ConnectionAborted)]
    [InlineData(SocketError.HostNotFound)]
    [InlineData(SocketError.TryAgain)]
    [InlineData(SocketError.HostUnreachable)]
    [InlineData(SocketError.NetworkUnreachable)]
    [InlineData(SocketError.TimedOut)]
    [InlineData(SocketError.Shutdown)]
    [InlineData(SocketError.TooManyOpenSockets)]
    public void A_socket_error_is_a_database_that_is_away(SocketError error)
    {
        var socket = new SocketException((int)error);

        Assert.True(StoreAway.Is(socket));
        Assert.True(StoreAway.Is(new NpgsqlException("Failed to connect", socket)));
        Assert.True(StoreAway.Is(new NpgsqlException("Exception while reading", new IOException("broken", socket))));
        Assert.True(StoreAway.Is(new InvalidOperationException("likely transient", new NpgsqlException("", socket))));
    }

    public static TheoryData<Exception> NoAnswers => new()
    {
        new TimeoutException(),
        new EndOfStreamException(),
        new NpgsqlException("The connection pool has been exhausted", new TimeoutException()),
        new NpgsqlException("No suitable host was found."),
        new NpgsqlException("Unable to connect to a suitable host.", new AggregateException(Answer("57P03"))),
        new AggregateException(new NpgsqlException("Exception while reading from stream", new EndOfStreamException())),
    };

    [Theory]
    [MemberData(nameof(NoAnswers), DisableDiscoveryEnumeration = true)]
    public void No_answer_at_all_is_a_database_that_is_away(Exception exception) =>
        Assert.Equal(StoreFault.Away, StoreAway.FaultOf(exception));

    public static TheoryData<Exception> OfSomethingElse => new()
    {
        new InvalidOperationException(),
        new OperationCanceledException(),
        new ObjectDisposedException("a data source"),
        new HttpRequestException("another server", new SocketException((int)SocketError.ConnectionRefused)),
        new DbUpdateConcurrencyException("somebody else was first"),
    };

    [Theory]
    [MemberData(nameof(OfSomethingElse), DisableDiscoveryEnumeration = true)]
    public void What_does_not_come_from_the_database_says_nothing_of_it(Exception exception)
    {
        Assert.Equal(StoreFault.None, StoreAway.FaultOf(exception));
        Assert.False(StoreAway.IsOrUnfit(exception));
    }

    [Fact]
    public void Only_a_statement_that_took_too_long_is_a_statement_timeout()
    {
        Assert.True(StoreAway.IsStatementTimeout(Answer("57014")));
        Assert.True(StoreAway.IsStatementTimeout(new DbUpdateException("stored by EF Core", Answer("57014"))));
        Assert.False(StoreAway.IsStatementTimeout(Answer("57P01")));
        Assert.False(StoreAway.IsStatementTimeout(new NpgsqlException("", new TimeoutException())));
        Assert.False(StoreAway.IsStatementTimeout(new TimeoutException()));
    }

    private static PostgresException Answer(string sqlState) => new("refused", "ERROR", "ERROR", sqlState);
}

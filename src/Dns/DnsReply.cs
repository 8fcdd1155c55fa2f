using System.Net;

namespace Tracking.Dns;

/// <summary>Why there is no answer.</summary>
public enum DnsFailure : byte
{
    /// <summary>There is an answer.</summary>
    None,

    /// <summary>No answer came in time.</summary>
    TimedOut,

    /// <summary>The server's machine refused or closed the connection.</summary>
    Unreachable,

    /// <summary>We have no route to the address: no network, or no network of its address family.</summary>
    NoRoute,

    /// <summary>The answer breaks the rules of DNS.</summary>
    Malformed,

    /// <summary>The answer is too long for UDP, and no answer came over TCP.</summary>
    TcpRefused,

    /// <summary>The check has used up its questions, so the question was not sent.</summary>
    TooManyQueries,
}

/// <summary>A question to a server, with its answer or the reason why there is none.</summary>
public sealed record DnsReply
{
    /// <summary>The question.</summary>
    public required DnsQuestion Question { get; init; }

    /// <summary>The server; <see langword="null"/> when no resolver is known.</summary>
    public IPEndPoint? Server { get; init; }

    /// <summary>Whether the last question went over TCP. Known for name servers; always false for resolvers.</summary>
    public bool IsOverTcp { get; init; }

    /// <summary>Why there is no <see cref="Message"/>.</summary>
    public DnsFailure Failure { get; init; }

    /// <summary>The answer; <see langword="null"/> with a <see cref="Failure"/>.</summary>
    public DnsMessage? Message { get; init; }

    /// <summary>How many datagrams and messages came that did not answer the question.</summary>
    public int Mismatches { get; init; }

    /// <summary>When the question ended, UTC.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Whether the answer says what exists: NOERROR or NXDOMAIN.</summary>
    public bool IsUsable => Message is { Rcode: DnsRcode.NoError or DnsRcode.NxDomain };
}

/// <summary>The questions that one check may still send. Safe for parallel use.</summary>
/// <param name="most">The most questions in all.</param>
public sealed class QueryBudget(int most)
{
    private int _sent;

    /// <summary>How many questions were sent.</summary>
    public int Sent => Math.Min(Volatile.Read(ref _sent), most);

    /// <summary>How many questions may still be sent.</summary>
    public int Left => most - Sent;

    /// <summary>Whether a question was refused because none was left.</summary>
    public bool IsExceeded => Volatile.Read(ref _sent) > most;

    /// <summary>Takes one question. A question that is sent again counts again.</summary>
    /// <returns><see langword="false"/> when none is left.</returns>
    public bool TryTake() => Interlocked.Increment(ref _sent) <= most;
}

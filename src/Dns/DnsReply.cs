using System.Net;

namespace Tracking.Dns;

/// <summary>Why no answer came.</summary>
public enum DnsFailure : byte
{
    /// <summary>One came.</summary>
    None,

    /// <summary>Nothing came in time.</summary>
    TimedOut,

    /// <summary>The server's machine says that nobody listens there, or closed the connection.</summary>
    Unreachable,

    /// <summary>We have no way to such an address: no network, or none of its family.</summary>
    NoRoute,

    /// <summary>What came breaks the rules of DNS.</summary>
    Malformed,

    /// <summary>The answer is too long for UDP, and over TCP there was none.</summary>
    TcpRefused,

    /// <summary>The check has used up its questions; nothing was sent.</summary>
    TooManyQueries,
}

/// <summary>A question to a server, and what came of it: an answer or a reason, never an exception for what a server
/// sends.</summary>
public sealed record DnsReply
{
    /// <summary>What was asked.</summary>
    public required DnsQuestion Question { get; init; }

    /// <summary>Who was asked.</summary>
    public IPEndPoint? Server { get; init; }

    /// <summary>Whether the last word was over TCP.</summary>
    public bool IsOverTcp { get; init; }

    /// <summary>Why there is no <see cref="Message"/>.</summary>
    public DnsFailure Failure { get; init; }

    /// <summary>The answer; <see langword="null"/> with a <see cref="Failure"/>.</summary>
    public DnsMessage? Message { get; init; }

    /// <summary>Datagrams and messages that came and did not answer the question.</summary>
    public int Mismatches { get; init; }

    /// <summary>When it was over, UTC.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Whether the name exists with what was asked, or certainly does not: NOERROR or NXDOMAIN.</summary>
    public bool IsUsable => Message is { Rcode: DnsRcode.NoError or DnsRcode.NxDomain };
}

/// <summary>The questions that one check may still send. Safe for parallel use.</summary>
/// <param name="most">How many in all.</param>
public sealed class QueryBudget(int most)
{
    private int _sent;

    /// <summary>Questions sent.</summary>
    public int Sent => Math.Min(Volatile.Read(ref _sent), most);

    /// <summary>Questions that may still be sent.</summary>
    public int Left => most - Sent;

    /// <summary>Whether one was wanted that could not be sent.</summary>
    public bool IsExceeded => Volatile.Read(ref _sent) > most;

    /// <summary>Takes one; the same question sent again is another.</summary>
    /// <returns><see langword="false"/> when there is none left.</returns>
    public bool TryTake() => Interlocked.Increment(ref _sent) <= most;
}

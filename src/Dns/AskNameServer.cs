using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using Tracking.Dns.Wire;

namespace Tracking.Dns;

/// <summary>
/// Asks one name server one question. A tenant chooses the server, so no answer is trusted.
/// <list type="number">
/// <item>Each question has its own connected UDP socket on a random port, and a random id (RFC 5452). The kernel drops
/// datagrams from other addresses and ports.</item>
/// <item>A datagram answers the question when its id, QR, opcode and question match. Others are counted and skipped.
/// After <see cref="DnsOptions.MismatchesBeforeTcp"/> of them the question is asked over TCP.</item>
/// <item>A truncated answer is asked for again over TCP. TCP is used for no third reason.</item>
/// <item>A server that does not understand EDNS is asked once more without EDNS.</item>
/// <item>One deadline limits all of this. A failure is returned as a value. Only the caller's cancellation
/// throws.</item>
/// </list>
/// </summary>
public sealed class AskNameServer(IOptions<DnsOptions> options, TimeProvider time)
{
    // Queries announce 1232 octets. A somewhat longer answer is accepted; one that fills this buffer is not.
    private const int LargestDatagram = 4096;

    // Messages over one TCP connection that do not answer the question.
    private const int MostTcpMismatches = 16;

    private readonly DnsOptions _options = options.Value;

    /// <summary>Asks a zone's name server.</summary>
    /// <param name="server">The server's address and port. The caller has checked the address
    /// (<see cref="AddressGuard"/>).</param>
    /// <param name="question">The question.</param>
    /// <param name="budget">Counts every question sent.</param>
    /// <param name="cancellationToken">Cancellation throws.</param>
    public Task<DnsReply> AskAsync(
        IPEndPoint server, DnsQuestion question, QueryBudget budget, CancellationToken cancellationToken) =>
        AskAsync(server, question, QueryFlags.None, budget, cancellationToken);

    internal async Task<DnsReply> AskAsync(
        IPEndPoint server, DnsQuestion question, QueryFlags flags, QueryBudget budget,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(server);
        ArgumentNullException.ThrowIfNull(budget);
        using var deadline = new CancellationTokenSource(_options.QueryTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        var attempt = new Attempt(server, question, flags);
        try
        {
            await AskAsync(attempt, budget, either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            attempt.Failure = attempt.IsTruncated ? DnsFailure.TcpRefused : DnsFailure.TimedOut;
        }
        catch (SocketException exception)
        {
            attempt.Failure = Failure(exception, attempt);
        }

        cancellationToken.ThrowIfCancellationRequested();
        return attempt.Reply(time.GetUtcNow());
    }

    private async Task AskAsync(Attempt attempt, QueryBudget budget, CancellationToken cancellationToken)
    {
        for (var withEdns = true; ; withEdns = false)
        {
            attempt.Prepare(withEdns);
            if (!budget.TryTake())
            {
                attempt.Failure = DnsFailure.TooManyQueries;
                return;
            }

            var needsTcp = !await AskOverUdpAsync(attempt, budget, cancellationToken);
            if (needsTcp)
            {
                if (!budget.TryTake())
                {
                    attempt.Failure = DnsFailure.TooManyQueries;
                    return;
                }

                await AskOverTcpAsync(attempt, cancellationToken);
            }

            // A server that does not know EDNS answers with one of these codes (RFC 6891, 7).
            if (!withEdns
                || attempt.Message is not { Rcode: DnsRcode.FormErr or DnsRcode.NotImp or DnsRcode.BadVers })
            {
                return;
            }
        }
    }

    /// <returns><see langword="false"/> when the question has to be asked over TCP.</returns>
    private async Task<bool> AskOverUdpAsync(
        Attempt attempt, QueryBudget budget, CancellationToken cancellationToken)
    {
        using var socket = new Socket(attempt.Server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(attempt.Server, cancellationToken);
        await socket.SendAsync(attempt.Query, cancellationToken);
        var buffer = new byte[LargestDatagram];
        var before = attempt.Mismatches;
        using var again = new CancellationTokenSource(_options.SendAgainAfter, time);
        using var first = CancellationTokenSource.CreateLinkedTokenSource(again.Token, cancellationToken);
        var wait = first.Token;
        while (attempt.Mismatches - before < _options.MismatchesBeforeTcp)
        {
            int length;
            try
            {
                length = await socket.ReceiveAsync(buffer, wait);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // The datagram is the same. So an attacker gains no second guess, and a late answer to the first one
                // counts.
                if (budget.TryTake())
                {
                    await socket.SendAsync(attempt.Query, cancellationToken);
                }

                wait = cancellationToken;
                continue;
            }

            switch (attempt.Take(length < LargestDatagram ? buffer.AsSpan(0, length) : default, isOverTcp: false))
            {
                case Taken.Truncated:
                    return false;
                case Taken.Answer:
                    return true;
            }
        }

        return false;
    }

    private static async Task AskOverTcpAsync(Attempt attempt, CancellationToken cancellationToken)
    {
        attempt.IsOverTcp = true;
        using var socket = new Socket(attempt.Server.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.NoDelay = true;
        await socket.ConnectAsync(attempt.Server, cancellationToken);
        byte[] framed = [(byte)(attempt.Query.Length >> 8), (byte)attempt.Query.Length, .. attempt.Query];
        for (var sent = 0; sent < framed.Length;)
        {
            sent += await socket.SendAsync(framed.AsMemory(sent), cancellationToken);
        }

        var prefix = new byte[2];
        for (var mismatches = 0; mismatches < MostTcpMismatches; mismatches++)
        {
            if (!await FillAsync(socket, prefix, cancellationToken))
            {
                attempt.Failure = attempt.IsTruncated ? DnsFailure.TcpRefused : DnsFailure.Unreachable;
                return;
            }

            var message = new byte[(prefix[0] << 8) | prefix[1]];
            if (!await FillAsync(socket, message, cancellationToken))
            {
                attempt.Failure = DnsFailure.Malformed;
                return;
            }

            if (attempt.Take(message, isOverTcp: true) == Taken.Answer)
            {
                return;
            }
        }

        attempt.Failure = DnsFailure.Malformed;
    }

    private static async Task<bool> FillAsync(Socket socket, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        while (!buffer.IsEmpty)
        {
            var length = await socket.ReceiveAsync(buffer, cancellationToken);
            if (length == 0)
            {
                return false;
            }

            buffer = buffer[length..];
        }

        return true;
    }

    private static DnsFailure Failure(SocketException exception, Attempt attempt) => exception.SocketErrorCode switch
    {
        SocketError.NetworkUnreachable or SocketError.HostUnreachable or SocketError.AddressFamilyNotSupported
            or SocketError.NetworkDown or SocketError.AddressNotAvailable or SocketError.AccessDenied
            => DnsFailure.NoRoute,
        SocketError.TimedOut => DnsFailure.TimedOut,
        _ => attempt.IsTruncated ? DnsFailure.TcpRefused : DnsFailure.Unreachable,
    };

    private enum Taken : byte
    {
        Mismatch,
        Truncated,
        Answer,
    }

    /// <summary>One question to one server, over one or several sockets.</summary>
    private sealed class Attempt(IPEndPoint server, DnsQuestion question, QueryFlags flags)
    {
        private int _questionLength;

        public IPEndPoint Server => server;

        public byte[] Query { get; private set; } = [];

        public int Mismatches { get; private set; }

        public bool IsOverTcp { get; set; }

        public bool IsTruncated { get; private set; }

        public DnsFailure Failure { get; set; }

        public DnsMessage? Message { get; private set; }

        public void Prepare(bool withEdns)
        {
            var id = (ushort)RandomNumberGenerator.GetInt32(1 << 16);
            Query = WriteQuery.Write(id, question, withEdns, flags, out _questionLength);
            (Message, Failure, IsTruncated) = (null, DnsFailure.None, false);
        }

        public Taken Take(ReadOnlySpan<byte> message, bool isOverTcp)
        {
            if (!Answers(message))
            {
                Mismatches++;
                return Taken.Mismatch;
            }

            // TC is set: the rest of the datagram is ignored (RFC 2181, 9).
            if (!isOverTcp && (message[2] & 0x02) != 0)
            {
                IsTruncated = true;
                return Taken.Truncated;
            }

            Message = ReadMessage.Read(message);
            Failure = Message is null ? DnsFailure.Malformed : DnsFailure.None;
            return Taken.Answer;
        }

        public DnsReply Reply(DateTimeOffset at) => new()
        {
            Question = question,
            Server = server,
            IsOverTcp = IsOverTcp,
            Failure = Failure,
            Message = Failure == DnsFailure.None ? Message : null,
            Mismatches = Mismatches,
            At = at,
        };

        private bool Answers(ReadOnlySpan<byte> message)
        {
            if (message.Length < WriteQuery.HeaderLength
                || message[0] != Query[0] || message[1] != Query[1]
                // QR is set, the opcode is 0.
                || (message[2] & 0xF8) != 0x80)
            {
                return false;
            }

            var questions = (message[4] << 8) | message[5];
            var rcode = message[3] & 0x0F;
            if (questions == 0)
            {
                // A server that cannot read a question cannot repeat it. Such an answer only makes us ask again without
                // EDNS.
                return rcode is (int)DnsRcode.FormErr or (int)DnsRcode.NotImp
                    && message.Length == WriteQuery.HeaderLength;
            }

            return questions == 1
                && message.Length >= WriteQuery.HeaderLength + _questionLength
                && message.Slice(WriteQuery.HeaderLength, _questionLength)
                    .SequenceEqual(Query.AsSpan(WriteQuery.HeaderLength, _questionLength));
        }
    }
}

using System.Globalization;
using System.Net.Security;
using System.Security.Authentication;
using System.Text;
using Microsoft.Extensions.Logging;
using Tracking.Rewrite.Doors;
using Tracking.SmtpFilter.NextHop;
using Tracking.SmtpFilter.Wire;

namespace Tracking.SmtpFilter.Sessions;

/// <summary>
/// A session with an MTA, and a second one with the next hop. Each command is passed to the next hop, and its answer is
/// passed back unchanged. Only the message is held while it is rewritten, and sent in the same transaction. Its answer
/// is the next hop's, so the filter never holds a message for which it has taken responsibility.
/// </summary>
internal sealed partial class FilterSession(
    MtaConnection connection,
    TrackMail track,
    MessageBytes bytes,
    ReadCertificate certificate,
    DoorTelemetry telemetry,
    SmtpFilterOptions options,
    TimeProvider time,
    ILogger logger) : IAsyncDisposable
{
    /// <summary>The filter's name in the metrics.</summary>
    public const string Door = "smtp";

    // The extensions of the next hop that the filter offers too, because they work through a filter.
    private static readonly string[] _passedOn =
        ["8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "XFORWARD", "DELIVERBY", "MT-PRIORITY", "LIMITS"];

    // Commands of HTTP. A browser may be tricked to send them (cross-protocol attack). No SMTP session has them.
    private static readonly string[] _ofHttp = ["GET", "POST", "PUT", "HEAD", "CONNECT", "OPTIONS"];

    private SmtpStream _client = new(connection.Stream);
    private NextHopConnection? _nextHop;
    private Envelope? _envelope;
    private bool _isTls;
    private bool _isOver;
    private int _errors;

    private bool MayAuthenticate => options.ForwardAuth && (_isTls || connection.IsLocal);

    /// <summary>Serves the connection until its end.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        Answer($"220 {options.OwnName} ESMTP Tracking");
        while (!_isOver)
        {
            try
            {
                await StepAsync(cancellationToken);
            }
            catch (NextHopRefusedException refused)
            {
                Answer(refused.Reply);
                _isOver = true;
            }
            catch (TimeoutException)
            {
                Answer("421 4.4.2 Too slow; closing the connection");
                telemetry.Refused(Door, "slow");
                _isOver = true;
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // Between two transactions the session can be stopped without loss.
                Answer("421 4.3.2 The service stops; try again later");
                _isOver = true;
            }
        }

        await FlushAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        ReturnChunks();
        if (_nextHop is not null)
        {
            await _nextHop.QuitAsync(CancellationToken.None);
            await _nextHop.DisposeAsync();
        }

        await _client.DisposeAsync();
    }

    private async Task StepAsync(CancellationToken cancellationToken)
    {
        // Commands come in groups (RFC 2920); the answers to a group leave together.
        if (_client.Buffered.Span.IndexOf((byte)'\n') < 0)
        {
            await FlushAsync(cancellationToken);
        }

        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(
            cancellationToken, _envelope is null ? connection.Stopping : default);
        var (outcome, line) = await _client.ReadLineAsync(
            options.MaxCommandBytes, options.CommandTimeout, waiting.Token);
        switch (outcome)
        {
            case LineOutcome.Line:
                await ObeyAsync(line, cancellationToken);
                break;
            case LineOutcome.TooLong:
                Refuse("500 5.5.2 The line is too long", "longLine");
                break;
            case LineOutcome.Malformed:
                Refuse("500 5.5.2 A command ends in CR LF and has no other control characters", "malformedLine");
                break;
            default:
                _isOver = true;
                break;
        }
    }

    private async Task ObeyAsync(ReadOnlyMemory<byte> line, CancellationToken cancellationToken)
    {
        var space = line.Span.IndexOf((byte)' ');
        var verb = Encoding.ASCII.GetString(space < 0 ? line.Span : line.Span[..space]).ToUpperInvariant();
        if (_chunks is not null && verb is not ("BDAT" or "RSET" or "QUIT" or "NOOP"))
        {
            Refuse("503 5.5.1 BDAT, RSET or QUIT comes behind BDAT", "order");
            return;
        }

        switch (verb)
        {
            case "EHLO" or "HELO" when space > 0:
                await GreetAsync(verb, Encoding.ASCII.GetString(line.Span[space..]).Trim(), cancellationToken);
                break;
            case "QUIT":
                Answer("221 2.0.0 Bye");
                _isOver = true;
                break;
            case "STARTTLS" when certificate.Exists && !_isTls:
                await StartTlsAsync(cancellationToken);
                break;
            case "RSET" or "NOOP" or "VRFY" or "MAIL" or "RCPT" or "DATA" or "BDAT" or "XFORWARD" or "AUTH"
                when _nextHop is null:
                Refuse("503 5.5.1 EHLO comes first", "order");
                break;
            case "MAIL" or "RCPT" or "DATA" or "BDAT" or "AUTH" when options.RequireTls && !_isTls:
                Refuse("530 5.7.0 STARTTLS comes first", "noTls");
                break;
            case "MAIL":
                await TakeSenderAsync(line, cancellationToken);
                break;
            case "RCPT":
                await TakeRecipientAsync(line, cancellationToken);
                break;
            case "DATA" when space < 0:
                await TakeDataAsync(cancellationToken);
                break;
            case "BDAT" when space > 0:
                await TakeChunkAsync(Encoding.ASCII.GetString(line.Span[space..]), cancellationToken);
                break;
            case "RSET":
                EndTransaction();
                Answer(await ForwardAsync(line, cancellationToken));
                break;
            case "NOOP" or "VRFY":
            case "XFORWARD" when _nextHop!.Offers("XFORWARD", out _):
                Answer(await ForwardAsync(line, cancellationToken));
                break;
            case "AUTH" when MayAuthenticate && _nextHop!.Offers("AUTH", out _):
                await AuthenticateAsync(line, cancellationToken);
                break;
            case var http when _ofHttp.Contains(http):
                Answer("421 4.7.0 This is no web server");
                telemetry.Refused(Door, "http");
                _isOver = true;
                break;
            default:
                Refuse("500 5.5.1 The command is unknown, or lacks or has an argument", "unknown");
                break;
        }
    }

    private async Task GreetAsync(string verb, string name, CancellationToken cancellationToken)
    {
        if (name.Equals(options.OwnName, StringComparison.OrdinalIgnoreCase))
        {
            // The next hop is this filter itself. The MTA keeps its messages until the setting is corrected.
            LogOwnNextHop(options.NextHop!);
            Answer("421 4.4.6 The filter's next hop is the filter itself");
            telemetry.Refused(Door, "loop");
            _isOver = true;
            return;
        }

        EndTransaction();
        if (_nextHop is null)
        {
            _nextHop = await NextHopConnection.ConnectAsync(options, cancellationToken);
        }
        else
        {
            await ReachAsync(hop => hop.GreetAsync(cancellationToken));
        }

        if (verb == "HELO")
        {
            Answer($"250 {options.OwnName}");
            return;
        }

        var most = _nextHop.MaxMessageBytes is > 0 and var limit
            ? Math.Min(limit, options.MaxMessageBytes)
            : options.MaxMessageBytes;
        List<string> offers = [options.OwnName, "PIPELINING", "CHUNKING", string.Create(
            CultureInfo.InvariantCulture, $"SIZE {most}")];
        foreach (var keyword in _passedOn)
        {
            if (_nextHop.Offers(keyword, out var parameters))
            {
                offers.Add(parameters.Length > 0 ? $"{keyword} {parameters}" : keyword);
            }
        }

        if (MayAuthenticate && _nextHop.Offers("AUTH", out var mechanisms))
        {
            offers.Add($"AUTH {mechanisms}");
        }

        if (certificate.Exists && !_isTls)
        {
            offers.Add("STARTTLS");
        }

        for (var i = 0; i < offers.Count; i++)
        {
            Answer($"250{(i < offers.Count - 1 ? '-' : ' ')}{offers[i]}");
        }
    }

    private async Task StartTlsAsync(CancellationToken cancellationToken)
    {
        if (_client.Buffered.Length > 0)
        {
            // Plain text commands after STARTTLS would count as if they had arrived over TLS (CVE-2011-0411).
            Answer("554 5.5.0 Nothing may come behind STARTTLS");
            telemetry.Refused(Door, "tlsInjection");
            _isOver = true;
            return;
        }

        Answer("220 2.0.0 Go on");
        await FlushAsync(cancellationToken);
        var tls = new SslStream(_client.Inner, leaveInnerStreamOpen: false);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(options.CommandTimeout);
        try
        {
            await tls.AuthenticateAsServerAsync(
                new SslServerAuthenticationOptions
                {
                    ServerCertificateContext = certificate.Current(),
                    EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                },
                timeout.Token);
        }
        catch (AuthenticationException failed)
        {
            await tls.DisposeAsync();
            throw new IOException("The TLS handshake failed.", failed);
        }

        // RFC 3207 4.2: the former state of the session is dropped, and the client sends EHLO again.
        EndTransaction();
        _client = new SmtpStream(tls);
        _isTls = true;
        if (_nextHop is not null)
        {
            await _nextHop.QuitAsync(cancellationToken);
            await _nextHop.DisposeAsync();
            _nextHop = null;
        }
    }

    private async Task AuthenticateAsync(ReadOnlyMemory<byte> line, CancellationToken cancellationToken)
    {
        // RFC 4954 4: a line of an exchange has up to 12,288 bytes.
        const int MostBytes = 12_288;
        var reply = await ForwardAsync(line, cancellationToken);
        while (reply.Code == 334)
        {
            Answer(reply);
            await FlushAsync(cancellationToken);
            var (outcome, answer) = await _client.ReadLineAsync(
                MostBytes, options.CommandTimeout, cancellationToken);
            if (outcome != LineOutcome.Line)
            {
                _isOver = true;
                return;
            }

            reply = await ForwardAsync(answer, cancellationToken);
        }

        Answer(reply);
    }

    private async Task<SmtpReply> ForwardAsync(ReadOnlyMemory<byte> line, CancellationToken cancellationToken)
    {
        var reply = await ReachAsync(hop => hop.SayAsync(line, cancellationToken));
        // RFC 5321 4.2.1: the next hop closes the connection after this answer.
        _isOver |= reply.Code == 421;
        return reply;
    }

    private async Task<SmtpReply> ReachAsync(Func<NextHopConnection, Task<SmtpReply>> say)
    {
        try
        {
            return await say(_nextHop!);
        }
        catch (Exception lost) when (lost is IOException or TimeoutException)
        {
            // It is then unknown whether the message has arrived (RFC 1047). The MTA sends it again with the same
            // bytes.
            LogNextHopLost(options.NextHop!, lost.Message);
            throw new NextHopRefusedException(
                SmtpReply.Of("421 4.4.2 The connection to the next hop is lost; try again later"));
        }
    }

    private void EndTransaction()
    {
        _envelope = null;
        ReturnChunks();
    }

    private void Refuse(string answer, string reason)
    {
        telemetry.Refused(Door, reason);
        Answer(answer);
        if (++_errors >= options.MaxErrors)
        {
            Answer("421 4.7.0 Too many errors; closing the connection");
            _isOver = true;
        }
    }

    private void Answer(string line)
    {
        _client.Write(Encoding.ASCII.GetBytes(line));
        _client.Write("\r\n"u8);
    }

    private void Answer(SmtpReply reply) => _client.Write(reply.Bytes.Span);

    private ValueTask FlushAsync(CancellationToken cancellationToken) =>
        _client.FlushAsync(options.CommandTimeout, cancellationToken);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The connection to {NextHop} is lost: {Reason}")]
    private partial void LogNextHopLost(string nextHop, string reason);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "The next hop {NextHop} is this filter itself. Set Tracking__SmtpFilter__NextHop to another server")]
    private partial void LogOwnNextHop(string nextHop);
}

using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Microsoft.Extensions.Logging;
using Tracking.Milter.Wire;
using Tracking.Rewrite.Doors;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Messages;

namespace Tracking.Milter.Sessions;

/// <summary>
/// A connection of an MTA, which sends each message of its SMTP session and waits for the changes. An unchanged message
/// is accepted. A message that belongs to no cluster is accepted at the end of its header. The MTA keeps the message
/// until it gets the milter's answer, and answers its client after that.
/// </summary>
internal sealed partial class MilterSession(
    MtaConnection connection,
    TrackMail track,
    MessageBytes bytes,
    DoorTelemetry telemetry,
    MilterOptions options,
    ILogger logger) : IAsyncDisposable
{
    /// <summary>The milter's name in the metrics.</summary>
    public const string Door = "milter";

    private const char Continue = 'c';
    private const char Accept = 'a';

    private readonly MilterStream _mta = new(connection.Stream);
    private readonly ArrayBufferWriter<byte> _message = new(64 * 1024);
    private readonly List<string> _recipients = [];
    private MilterSteps _steps;
    private string? _sender;
    private string _queueId = "";
    private int _headerEnd;
    private long _taken;
    private bool _isMessage;
    private bool _isTooLarge;
    private bool _isNotTaken;

    /// <summary>Serves the connection until its end.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (await StepAsync(cancellationToken))
            {
                await _mta.FlushAsync(cancellationToken);
            }
        }
        catch (InvalidDataException garbage)
        {
            telemetry.Refused(Door, "garbage");
            LogGarbage(connection.Client, garbage.Message);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Forget();
        return _mta.DisposeAsync();
    }

    /// <returns>Whether the connection goes on.</returns>
    private async Task<bool> StepAsync(CancellationToken cancellationToken)
    {
        // Between two messages the session can be stopped without loss.
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(
            cancellationToken, _isMessage ? default : connection.Stopping);
        waiting.CancelAfter(options.IdleTimeout);
        var (command, data) = await _mta.ReadAsync(waiting.Token);
        switch (command)
        {
            case 'O':
                Negotiate(data.Span);
                return true;
            case 'D':
                ReadMacros(data.Span);
                return true;
            case 'M':
                Forget();
                _isMessage = true;
                _sender = TrackMail.Address(PathOf(data.Span));
                break;
            case 'R':
                _recipients.Add(PathOf(data.Span));
                break;
            case 'L':
                AddField(data.Span);
                break;
            case 'N':
                Add("\r\n"u8);
                _headerEnd = _message.WrittenCount;
                await EndHeaderAsync(cancellationToken);
                return true;
            case 'B':
                Add(data.Span);
                break;
            case 'E':
                Add(data.Span);
                await EndMessageAsync(cancellationToken);
                Forget();
                return true;
            case 'A' or 'K':
                Forget();
                return true;
            case 'Q':
                return false;
            case 'C' or 'H' or 'T' or 'U':
                break;
            default:
                throw new InvalidDataException($"The milter protocol has no command {(int)command}.");
        }

        if ((_steps & MilterProtocol.SilenceOf(command)) == 0)
        {
            _mta.Write(Continue);
        }

        return true;
    }

    private void Negotiate(ReadOnlySpan<byte> data)
    {
        if (data.Length < 12)
        {
            throw new InvalidDataException("The MTA's negotiation is too short.");
        }

        var version = Math.Min(BinaryPrimitives.ReadUInt32BigEndian(data), MilterProtocol.Version);
        var offered = (MilterActions)BinaryPrimitives.ReadUInt32BigEndian(data[4..]);
        _steps = MilterProtocol.Wanted & (MilterSteps)BinaryPrimitives.ReadUInt32BigEndian(data[8..]);
        if ((offered & MilterProtocol.Needed) != MilterProtocol.Needed)
        {
            LogCannotChange(connection.Client);
        }

        var choosesMacros = (offered & MilterActions.ChooseMacros) != 0;
        _mta.WriteOptions(
            version,
            MilterProtocol.Needed | (choosesMacros ? MilterActions.ChooseMacros : 0),
            _steps,
            choosesMacros ? "{rcpt_addr}" : null);
    }

    // The command that the macros belong to, then names and values in turn.
    private void ReadMacros(ReadOnlySpan<byte> data)
    {
        var words = data.Length > 1 ? Encoding.UTF8.GetString(data[1..]).Split('\0') : [];
        for (var i = 0; i + 1 < words.Length; i += 2)
        {
            if (words[i] is "i" or "{i}")
            {
                _queueId = words[i + 1];
            }
        }
    }

    private static string PathOf(ReadOnlySpan<byte> arguments)
    {
        var end = arguments.IndexOf((byte)0);
        var path = Encoding.UTF8.GetString(end < 0 ? arguments : arguments[..end]);
        return path.StartsWith('<') && path.EndsWith('>') ? path[1..^1] : path;
    }

    private void AddField(ReadOnlySpan<byte> data)
    {
        var end = data.IndexOf((byte)0);
        if (end < 1)
        {
            throw new InvalidDataException("A header field has no name.");
        }

        var value = data[(end + 1)..].TrimEnd((byte)0);
        Add(data[..end]);
        Add((_steps & MilterSteps.LeadingSpace) != 0 ? ":"u8 : ": "u8);
        // Postfix separates the lines of a field with LF, Sendmail with LF or CR LF.
        while (value.IndexOf((byte)'\n') is >= 0 and var line)
        {
            Add(value[..line].TrimEnd((byte)'\r'));
            Add("\r\n"u8);
            value = value[(line + 1)..];
        }

        Add(value);
        Add("\r\n"u8);
    }

    private void Add(ReadOnlySpan<byte> part)
    {
        if (_isTooLarge || _isNotTaken || part.IsEmpty)
        {
            return;
        }

        _isTooLarge = _message.WrittenCount + (long)part.Length > options.MaxMessageBytes;
        _isNotTaken = !_isTooLarge && !bytes.TryTake(part.Length);
        if (!_isTooLarge && !_isNotTaken)
        {
            _taken += part.Length;
            _message.Write(part);
        }
    }

    private async Task EndHeaderAsync(CancellationToken cancellationToken)
    {
        if (!_isTooLarge && !_isNotTaken
            && await track.IsNoConcernAsync(track.Read(_message.WrittenMemory), cancellationToken))
        {
            track.PassedBy();
            telemetry.Answered(Door, "accepted");
            LogDone(_queueId, _recipients.Count, "no-cluster", 0);
            _mta.Write(Accept);
            Forget();
            return;
        }

        _mta.Write(Continue);
    }

    private async Task EndMessageAsync(CancellationToken cancellationToken)
    {
        if (_isNotTaken)
        {
            Later("451 4.3.1 Too many messages at the same time; try again later");
            telemetry.Refused(Door, "memory");
            return;
        }

        // Only the header of a too large message is kept. It may contain control headers.
        var before = _isTooLarge ? _message.WrittenMemory[.._headerEnd] : _message.WrittenMemory;
        var header = track.Read(before);
        var mail = _isTooLarge
            ? track.PassThrough(header, Untouched.TooLarge)
            : await track.OnceAsync(
                header,
                new MessageMetadata
                {
                    Sender = _sender,
                    Recipient = _recipients is [var only] ? TrackMail.Address(only) : null,
                },
                cancellationToken);
        if (mail is null)
        {
            Later("451 4.3.0 The database does not answer; try again later");
            return;
        }

        var after = mail.Mail;
        foreach (var change in HeaderChange.Between(before, after))
        {
            _mta.WriteHeader(change.Occurrence, change.Name.Span, ValueOf(change));
        }

        var body = after.Span[HeaderChange.BodyOf(after.Span)..];
        if (!_isTooLarge && !body.SequenceEqual(before.Span[HeaderChange.BodyOf(before.Span)..]))
        {
            _mta.WriteBody(body);
        }

        _mta.Write(Accept);
        telemetry.Answered(Door, "accepted");
        LogDone(_queueId, _recipients.Count, mail.Outcome, mail.Links);
    }

    private byte[] ValueOf(HeaderChange change)
    {
        var value = Encoding.Latin1.GetString(change.Value.Span).Replace("\r\n", "\n", StringComparison.Ordinal);
        return Encoding.Latin1.GetBytes(
            (_steps & MilterSteps.LeadingSpace) == 0 && value.StartsWith(' ') ? value[1..] : value);
    }

    private void Later(string reply)
    {
        _mta.Write('y', Encoding.ASCII.GetBytes(reply + "\0"));
        telemetry.Answered(Door, "later");
        LogWaits(_queueId, reply);
    }

    private void Forget()
    {
        bytes.Return(_taken);
        _message.ResetWrittenCount();
        _recipients.Clear();
        (_sender, _headerEnd, _taken) = (null, 0, 0);
        (_isMessage, _isTooLarge, _isNotTaken) = (false, false, false);
    }

    [LoggerMessage(
        Level = LogLevel.Debug,
        Message = "Message {QueueId} for {Recipients} recipients: {Outcome}, {Links} links")]
    private partial void LogDone(string queueId, int recipients, string outcome, int links);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Message {QueueId} stays with its client: {Reply}")]
    private partial void LogWaits(string queueId, string reply);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A connection of {Client} was closed: {Reason}")]
    private partial void LogGarbage(string client, string reason);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "The MTA at {Client} does not let a milter change body and header, so nothing can be rewritten")]
    private partial void LogCannotChange(string client);
}

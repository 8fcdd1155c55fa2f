using System.Globalization;
using Microsoft.Extensions.Logging;
using Tracking.SmtpFilter.Wire;

namespace Tracking.SmtpFilter.Sessions;

/// <content>The message: its arrival, rewriting and delivery.</content>
internal sealed partial class FilterSession
{
    private ReadData? _chunks;
    private long _chunksTaken;
    private bool _isChunkRefused;

    private async Task TakeDataAsync(CancellationToken cancellationToken)
    {
        if (!HasRecipients())
        {
            return;
        }

        Answer("354 Go on, and end with a dot alone");
        await FlushAsync(cancellationToken);
        var began = time.GetTimestamp();
        var data = new ReadData(options.MaxMessageBytes);
        var taken = 0L;
        var isRefused = false;
        try
        {
            while (true)
            {
                var before = data.Size;
                var isEnded = data.Take(_client.Buffered.Span, out var used);
                _client.Consume(used);
                // A refused message is still read to its end, because commands follow it.
                isRefused |= !data.IsTooLarge && !isRefused && !Take(data.Size - before, ref taken);
                if (isEnded)
                {
                    break;
                }

                // A client that sends more than twice the limit will probably never end the message.
                if (data.Size > 2L * options.MaxMessageBytes)
                {
                    telemetry.Refused(Door, "size");
                    throw new TimeoutException();
                }

                if (!await FillAsync(began, cancellationToken))
                {
                    _isOver = true;
                    return;
                }
            }

            await DeliverAsync(data, isRefused, cancellationToken);
        }
        finally
        {
            bytes.Return(taken);
        }
    }

    private async Task TakeChunkAsync(string arguments, CancellationToken cancellationToken)
    {
        var words = arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var isLast = words.Length == 2 && words[1].Equals("LAST", StringComparison.OrdinalIgnoreCase);
        if (words.Length is 0 or > 2 || (words.Length == 2 && !isLast)
            || !int.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out var size))
        {
            // The end of the following octets is unknown.
            Answer("501 5.5.4 Takes BDAT size [LAST]; closing the connection");
            telemetry.Refused(Door, "syntax");
            _isOver = true;
            return;
        }

        var hasRecipients = _envelope is { Recipients.Count: > 0 };
        _chunks ??= new ReadData(options.MaxMessageBytes);
        var began = time.GetTimestamp();
        while (size > 0)
        {
            if (_client.Buffered.IsEmpty && !await FillAsync(began, cancellationToken))
            {
                _isOver = true;
                return;
            }

            var part = _client.Buffered[..Math.Min(size, _client.Buffered.Length)];
            if (hasRecipients && !_chunks.IsTooLarge && !_isChunkRefused)
            {
                var before = _chunks.Size;
                _chunks.TakeChunk(part.Span);
                _isChunkRefused = !_chunks.IsTooLarge && !Take(_chunks.Size - before, ref _chunksTaken);
            }

            size -= part.Length;
            _client.Consume(part.Length);
        }

        if (!hasRecipients)
        {
            ReturnChunks();
            HasRecipients();
        }
        else if (!isLast)
        {
            Answer("250 2.0.0 The chunk is here");
        }
        else
        {
            try
            {
                await DeliverAsync(_chunks, _isChunkRefused, cancellationToken);
            }
            finally
            {
                ReturnChunks();
            }
        }
    }

    private bool HasRecipients()
    {
        if (_envelope is null)
        {
            Refuse("503 5.5.1 MAIL comes first", "order");
            return false;
        }

        if (_envelope.Recipients.Count == 0)
        {
            // The next hop has refused each recipient with its own answer.
            Answer("554 5.5.1 No valid recipients");
            return false;
        }

        return true;
    }

    // The limit for the whole message applies, even if single bytes keep arriving.
    private async ValueTask<bool> FillAsync(long began, CancellationToken cancellationToken)
    {
        await FlushAsync(cancellationToken);
        var left = options.MessageTimeout - time.GetElapsedTime(began);
        return left > TimeSpan.Zero
            ? await _client.FillAsync(
                left < options.CommandTimeout ? left : options.CommandTimeout, cancellationToken)
            : throw new TimeoutException();
    }

    private bool Take(long more, ref long taken)
    {
        if (!bytes.TryTake(more))
        {
            return false;
        }

        taken += more;
        return true;
    }

    private async Task DeliverAsync(ReadData data, bool isRefused, CancellationToken cancellationToken)
    {
        var envelope = _envelope!;
        _envelope = null;
        (string? Reply, string Reason) refusal = data.IsTooLarge
            ? ($"552 5.3.4 A message has at most {options.MaxMessageBytes} bytes", "size")
            : isRefused ? ("451 4.3.1 Too many messages at the same time; try again later", "memory")
            : data.HasBadLineEnds ? ("550 5.5.2 Lines of a message end in CR LF (RFC 5321 2.3.8)", "lineEnds")
            : RecogniseLoop.Passes(data.Message.Span, options.OwnName) is var passes && passes >= options.MaxPasses
                ? ($"451 4.4.6 The message has passed this filter {passes} times: a loop", "loop")
            : (null, "");
        if (refusal.Reply is not null)
        {
            await DropAsync(refusal.Reply, cancellationToken);
            telemetry.Refused(Door, refusal.Reason);
            telemetry.Answered(Door, refusal.Reply[0] == '4' ? "later" : "refused");
            LogRefused(connection.Client, envelope.Recipients.Count, refusal.Reply);
            return;
        }

        if (await RewriteForMta.RunAsync(track, data.Message, envelope, _nextHop!.MaxMessageBytes, cancellationToken)
            is not { } mail)
        {
            await DropAsync("451 4.3.0 The database does not answer; try again later", cancellationToken);
            telemetry.Answered(Door, "later");
            LogWaits(connection.Client, envelope.Recipients.Count);
            return;
        }

        var reply = await ReachAsync(hop => hop.SendAsync(mail.Mail, cancellationToken));
        Answer(reply);
        _isOver |= reply.Code == 421;
        if (reply.IsPositive)
        {
            telemetry.Answered(Door, "accepted");
            LogRewritten(envelope.Recipients.Count, mail.Outcome, mail.Links, mail.MessageId);
        }
        else
        {
            telemetry.Answered(Door, reply.Code < 500 ? "later" : "refused");
            LogNextHopRefused(envelope.Recipients.Count, reply.Code);
        }
    }

    // The next hop still waits for the message.
    private async Task DropAsync(string answer, CancellationToken cancellationToken)
    {
        await ForwardAsync("RSET"u8.ToArray(), cancellationToken);
        Answer(answer);
    }

    private void ReturnChunks()
    {
        bytes.Return(_chunksTaken);
        (_chunks, _chunksTaken, _isChunkRefused) = (null, 0, false);
    }

    [LoggerMessage(
        Level = LogLevel.Debug,
        Message = "A message for {Recipients} recipients was passed on: {Outcome}, {Links} links, id {MessageId}")]
    private partial void LogRewritten(int recipients, string outcome, int links, string? messageId);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "The next hop answered {Code} to a message for {Recipients} recipients")]
    private partial void LogNextHopRefused(int recipients, int code);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "A message from {Client} for {Recipients} recipients was refused: {Reply}")]
    private partial void LogRefused(string client, int recipients, string reply);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "A message from {Client} for {Recipients} recipients stays with its MTA: the store is unavailable")]
    private partial void LogWaits(string client, int recipients);
}

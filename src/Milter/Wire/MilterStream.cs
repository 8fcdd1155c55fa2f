using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Text;

namespace Tracking.Milter.Wire;

/// <summary>Packets of the milter protocol over a connection.</summary>
internal sealed class MilterStream(Stream stream) : IAsyncDisposable
{
    private readonly PipeReader _reader = PipeReader.Create(stream);
    private readonly ArrayBufferWriter<byte> _out = new(1024);
    private int _taken;
    private ReadOnlySequence<byte> _buffer;

    /// <summary>Reads a packet.</summary>
    /// <returns>The command and its data, valid until the next read; <c>'Q'</c> when the MTA has closed the
    /// connection.</returns>
    /// <exception cref="InvalidDataException">The packet is larger than any MTA's.</exception>
    public async ValueTask<(char Command, ReadOnlyMemory<byte> Data)> ReadAsync(CancellationToken cancellationToken)
    {
        if (_taken > 0)
        {
            _reader.AdvanceTo(_buffer.GetPosition(_taken));
            _taken = 0;
        }

        if (!await FillAsync(5, cancellationToken))
        {
            return ('Q', default);
        }

        var head = new byte[5];
        _buffer.Slice(0, 5).CopyTo(head);
        var length = BinaryPrimitives.ReadUInt32BigEndian(head);
        if (length is 0 or > MilterProtocol.MaxPacket)
        {
            throw new InvalidDataException($"The milter protocol has no packet of {length} bytes.");
        }

        _reader.AdvanceTo(_buffer.Start);
        if (!await FillAsync(4 + (int)length, cancellationToken))
        {
            return ('Q', default);
        }

        _taken = 4 + (int)length;
        var data = _buffer.Slice(5, length - 1);
        return ((char)head[4], data.IsSingleSegment ? data.First : data.ToArray());
    }

    /// <summary>Adds a packet to the output.</summary>
    public void Write(char command, params ReadOnlySpan<byte> data)
    {
        var head = _out.GetSpan(5);
        BinaryPrimitives.WriteUInt32BigEndian(head, (uint)data.Length + 1);
        head[4] = (byte)command;
        _out.Advance(5);
        _out.Write(data);
    }

    /// <summary>Adds the milter's part of the negotiation.</summary>
    public void WriteOptions(uint version, MilterActions actions, MilterSteps steps, string? recipientMacros)
    {
        var data = new ArrayBufferWriter<byte>(64);
        foreach (var word in (ReadOnlySpan<uint>)[version, (uint)actions, (uint)steps])
        {
            BinaryPrimitives.WriteUInt32BigEndian(data.GetSpan(4), word);
            data.Advance(4);
        }

        if (recipientMacros is not null)
        {
            // Stages as in mfapi.h: 2 is MAIL, 3 is RCPT, 5 is the end of the message.
            foreach (var (stage, macros) in (ReadOnlySpan<(uint, string)>)
                [(2, "i {mail_addr}"), (3, recipientMacros), (5, "i")])
            {
                BinaryPrimitives.WriteUInt32BigEndian(data.GetSpan(4), stage);
                data.Advance(4);
                data.Write(Encoding.ASCII.GetBytes(macros));
                data.Write("\0"u8);
            }
        }

        Write('O', data.WrittenSpan);
    }

    /// <summary>Adds the change of a header field; an empty value deletes it.</summary>
    /// <param name="occurrence">The number of the field among those with this name, from 1.</param>
    /// <param name="name">The name.</param>
    /// <param name="value">The value after the colon.</param>
    public void WriteHeader(int occurrence, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var data = new byte[4 + name.Length + 1 + value.Length + 1];
        BinaryPrimitives.WriteInt32BigEndian(data, occurrence);
        name.CopyTo(data.AsSpan(4));
        value.CopyTo(data.AsSpan(4 + name.Length + 1));
        Write('m', data);
    }

    /// <summary>Adds a new body, in pieces.</summary>
    public void WriteBody(ReadOnlySpan<byte> body)
    {
        // An empty body needs a packet too. Without one the old body would stay.
        do
        {
            var piece = body[..Math.Min(body.Length, MilterProtocol.ChunkSize)];
            Write('b', piece);
            body = body[piece.Length..];
        }
        while (body.Length > 0);
    }

    /// <summary>Sends the output.</summary>
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        if (_out.WrittenCount > 0)
        {
            await stream.WriteAsync(_out.WrittenMemory, cancellationToken);
            _out.ResetWrittenCount();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _reader.CompleteAsync();
        await stream.DisposeAsync();
    }

    private async ValueTask<bool> FillAsync(int count, CancellationToken cancellationToken)
    {
        var result = await _reader.ReadAtLeastAsync(count, cancellationToken);
        _buffer = result.Buffer;
        return _buffer.Length >= count;
    }
}

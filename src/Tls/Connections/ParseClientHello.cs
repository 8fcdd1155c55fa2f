using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Tracking.Links;

namespace Tracking.Tls.Connections;

/// <summary>How far the beginning of a connection has been read as a ClientHello.</summary>
internal enum ClientHelloOutcome
{
    /// <summary>More bytes are needed.</summary>
    Incomplete,

    /// <summary>The ClientHello is complete.</summary>
    Complete,

    /// <summary>The connection does not begin with a TLS handshake.</summary>
    NotTls,

    /// <summary>It is longer than <see cref="ParseClientHello.MaxLength"/>.</summary>
    TooLong,

    /// <summary>Its parts contradict each other.</summary>
    Malformed,
}

/// <summary>Reads a ClientHello from the bytes that have arrived. The ClientHello may be split into network segments
/// and TLS records at any byte.</summary>
internal static class ParseClientHello
{
    /// <summary>The largest ClientHello in bytes, with its record headers: one record of the largest size. Chrome's
    /// ClientHello with a post-quantum key share has about 1,800.</summary>
    public const int MaxLength = 16 * 1024;

    private const int RecordHeader = 5;
    private const int MessageHeader = 4;
    private const byte HandshakeRecord = 22;
    private const byte ClientHelloMessage = 1;
    private const int ServerNameExtension = 0;
    private const int AlpnExtension = 16;

    /// <summary>Reads the ClientHello.</summary>
    /// <param name="arrived">The bytes from the first byte of the connection.</param>
    /// <param name="hello">The ClientHello, when it is complete.</param>
    /// <param name="needed">Otherwise the least number of bytes with which reading can continue.</param>
    public static ClientHelloOutcome Read(
        in ReadOnlySequence<byte> arrived, out ClientHello? hello, out int needed)
    {
        hello = null;
        var raw = ArrayPool<byte>.Shared.Rent(MaxLength);
        try
        {
            var length = (int)Math.Min(arrived.Length, MaxLength);
            arrived.Slice(0, length).CopyTo(raw);
            var outcome = Unwrap(raw.AsSpan(0, length), out var message, out needed);
            if (outcome == ClientHelloOutcome.Incomplete && needed > MaxLength)
            {
                return ClientHelloOutcome.TooLong;
            }

            return outcome != ClientHelloOutcome.Complete ? outcome
                : TryParse(message, out hello) ? ClientHelloOutcome.Complete
                : ClientHelloOutcome.Malformed;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(raw);
        }
    }

    // Joins the contents of the records in place. Each content moves towards the front, so nothing is overwritten
    // before it is read.
    private static ClientHelloOutcome Unwrap(Span<byte> raw, out ReadOnlySpan<byte> message, out int needed)
    {
        message = default;
        var (read, gathered) = (0, 0);
        while (true)
        {
            var header = raw[read..];
            needed = read + RecordHeader;
            // A connection that is no TLS is recognised from its first bytes, because such a client may wait for our
            // answer.
            if ((header.Length > 0 && header[0] != HandshakeRecord) || (header.Length > 1 && header[1] != 3))
            {
                return ClientHelloOutcome.NotTls;
            }

            if (header.Length < RecordHeader)
            {
                return ClientHelloOutcome.Incomplete;
            }

            int content = BinaryPrimitives.ReadUInt16BigEndian(header[3..]);
            if (content is 0 or > 16_384)
            {
                return ClientHelloOutcome.Malformed;
            }

            // The first record may be incomplete. The length is in the message itself.
            needed = read + RecordHeader + content;
            var available = Math.Min(content, header.Length - RecordHeader);
            header.Slice(RecordHeader, available).CopyTo(raw[gathered..]);
            gathered += available;
            read += RecordHeader + available;
            if (gathered > 0 && raw[0] != ClientHelloMessage)
            {
                return ClientHelloOutcome.Malformed;
            }

            if (gathered >= MessageHeader)
            {
                var whole = MessageHeader + ((raw[1] << 16) | BinaryPrimitives.ReadUInt16BigEndian(raw[2..]));
                if (whole > MaxLength - RecordHeader)
                {
                    return ClientHelloOutcome.TooLong;
                }

                if (gathered >= whole)
                {
                    // No bytes may follow the ClientHello before the answer.
                    message = raw[MessageHeader..whole];
                    return gathered == whole ? ClientHelloOutcome.Complete : ClientHelloOutcome.Malformed;
                }

                // At least the missing bytes are needed, in this record or in a further one with its header.
                needed = Math.Max(needed, read + whole - gathered);
            }

            if (available < content)
            {
                return ClientHelloOutcome.Incomplete;
            }
        }
    }

    private static bool TryParse(ReadOnlySpan<byte> message, out ClientHello? hello)
    {
        hello = null;
        var rest = message;
        // Version and random.
        if (!Skip(ref rest, 34) || !TryTake(ref rest, 1, out var session) || session.Length > 32
            || !TryTake(ref rest, 2, out var suites) || suites.Length is 0 || suites.Length % 2 != 0
            || !TryTake(ref rest, 1, out var compressions) || compressions.IsEmpty)
        {
            return false;
        }

        var (form, name) = (ServerNameForm.Absent, default(HostName));
        List<string>? protocols = null;
        // In TLS 1.2 the extensions may be missing.
        if (!rest.IsEmpty)
        {
            if (!TryTake(ref rest, 2, out var extensions) || !rest.IsEmpty)
            {
                return false;
            }

            var hasName = false;
            while (!extensions.IsEmpty)
            {
                if (extensions.Length < 2)
                {
                    return false;
                }

                int type = BinaryPrimitives.ReadUInt16BigEndian(extensions);
                extensions = extensions[2..];
                if (!TryTake(ref extensions, 2, out var content)
                    || (type == ServerNameExtension && (hasName || !TryReadNames(content, out form, out name)))
                    || (type == AlpnExtension && (protocols is not null || !TryReadProtocols(content, out protocols))))
                {
                    return false;
                }

                hasName |= type == ServerNameExtension;
            }
        }

        hello = new ClientHello(form, name, protocols ?? (IReadOnlyList<string>)[]);
        return true;
    }

    private static bool TryReadNames(ReadOnlySpan<byte> content, out ServerNameForm form, out HostName name)
    {
        (form, name) = (ServerNameForm.Absent, default);
        if (!TryTake(ref content, 2, out var names) || names.IsEmpty || !content.IsEmpty)
        {
            return false;
        }

        while (!names.IsEmpty)
        {
            var type = names[0];
            names = names[1..];
            if (!TryTake(ref names, 2, out var text))
            {
                return false;
            }

            // RFC 6066 3: host_name is the only type, and may occur once.
            if (type == 0)
            {
                if (form != ServerNameForm.Absent)
                {
                    return false;
                }

                (form, name) = ClientHello.ReadName(text);
            }
        }

        return true;
    }

    private static bool TryReadProtocols(ReadOnlySpan<byte> content, out List<string>? protocols)
    {
        protocols = null;
        if (!TryTake(ref content, 2, out var list) || list.IsEmpty || !content.IsEmpty)
        {
            return false;
        }

        var read = new List<string>(2);
        while (!list.IsEmpty)
        {
            if (!TryTake(ref list, 1, out var protocol) || protocol.IsEmpty)
            {
                return false;
            }

            read.Add(protocol switch
            {
                [(byte)'h', (byte)'2'] => "h2",
                _ when protocol.SequenceEqual("http/1.1"u8) => "http/1.1",
                _ => Encoding.Latin1.GetString(protocol),
            });
        }

        protocols = read;
        return true;
    }

    private static bool Skip(ref ReadOnlySpan<byte> rest, int length)
    {
        if (rest.Length < length)
        {
            return false;
        }

        rest = rest[length..];
        return true;
    }

    // A vector with its length in front (RFC 8446 3.4).
    private static bool TryTake(ref ReadOnlySpan<byte> rest, int lengthSize, out ReadOnlySpan<byte> taken)
    {
        taken = default;
        if (rest.Length < lengthSize)
        {
            return false;
        }

        int length = lengthSize == 1 ? rest[0] : BinaryPrimitives.ReadUInt16BigEndian(rest);
        if (rest.Length < lengthSize + length)
        {
            return false;
        }

        taken = rest.Slice(lengthSize, length);
        rest = rest[(lengthSize + length)..];
        return true;
    }
}

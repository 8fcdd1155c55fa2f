using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Tracking.Tls.Tests.Connections;

/// <summary>ClientHellos as clients write them, byte by byte.</summary>
internal static class SomeHello
{
    /// <param name="name">The server name's bytes as Latin-1; none when <see langword="null"/>.</param>
    /// <param name="protocols">What is offered by ALPN.</param>
    /// <param name="size">Bytes of the message with its header: filled up with padding (RFC 7685).</param>
    public static byte[] Message(string? name, string[]? protocols = null, int size = 0)
    {
        var extensions = new List<byte>();
        if (name is not null)
        {
            var bytes = Encoding.Latin1.GetBytes(name);
            Extension(extensions, 0, Vector(2, [0, .. Vector(2, bytes)]));
        }

        if (protocols is not null)
        {
            Extension(extensions, 16, Vector(
                2, [.. protocols.SelectMany(protocol => Vector(1, Encoding.Latin1.GetBytes(protocol)))]));
        }

        // TLS 1.3, P-256, and ECDSA over it.
        Extension(extensions, 43, [2, 3, 4]);
        Extension(extensions, 10, [0, 2, 0, 0x17]);
        Extension(extensions, 13, [0, 2, 4, 3]);
        var start = Start();
        var missing = size - (4 + start.Length + 2 + extensions.Count + 4);
        if (missing >= 0)
        {
            Extension(extensions, 21, new byte[missing]);
        }

        return Wrap([.. start, .. Vector(2, [.. extensions])]);
    }

    /// <summary>With these extensions, whatever they are.</summary>
    public static byte[] MessageWith(params byte[] extensions) => Wrap([.. Start(), .. Vector(2, extensions)]);

    /// <summary>Without any, as TLS 1.2 allows.</summary>
    public static byte[] MessageWithoutExtensions() => Wrap(Start());

    /// <summary>A message in records of some size.</summary>
    public static byte[] Records(byte[] message, int recordSize = 16_384) =>
        [.. message.Chunk(recordSize).SelectMany(part => (byte[])[22, 3, 1, .. Vector(2, part)])];

    public static byte[] Extension(int type, params byte[] content)
    {
        var extension = new List<byte>();
        Extension(extension, type, content);
        return [.. extension];
    }

    public static byte[] Vector(int lengthSize, byte[] content)
    {
        var length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, content.Length);
        return [.. length[^lengthSize..], .. content];
    }

    /// <summary>One buffer of many segments.</summary>
    public static ReadOnlySequence<byte> Segmented(byte[] bytes, int size)
    {
        Segment? first = null, last = null;
        foreach (var part in bytes.Chunk(size))
        {
            last = last is null ? first = new Segment(part, 0) : last.Append(part);
        }

        return first is null ? ReadOnlySequence<byte>.Empty : new(first, 0, last!, last!.Memory.Length);
    }

    private static byte[] Start() =>
        [3, 3, .. Enumerable.Range(0, 32).Select(i => (byte)i), .. Vector(1, new byte[32]),
            .. Vector(2, [0x13, 1, 0x13, 2, 0xC0, 0x2B]), .. Vector(1, [0])];

    private static byte[] Wrap(byte[] content) => [1, .. Vector(3, content)];

    private static void Extension(List<byte> extensions, int type, byte[] content) =>
        extensions.AddRange([(byte)(type >> 8), (byte)type, .. Vector(2, content)]);

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(byte[] bytes, long index) => (Memory, RunningIndex) = (bytes, index);

        public Segment Append(byte[] bytes)
        {
            var next = new Segment(bytes, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}

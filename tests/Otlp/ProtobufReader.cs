using System.Buffers.Binary;
using System.Text;

namespace Tracking.Otlp;

/// <summary>
/// Reads one protobuf message field by field (protobuf.dev/programming-guides/encoding): as much as OTLP needs.
/// </summary>
internal ref struct ProtobufReader(ReadOnlySpan<byte> message)
{
    private ReadOnlySpan<byte> _rest = message;

    /// <summary>The number of the field that <see cref="Next"/> came to.</summary>
    public int Field { get; private set; }

    /// <summary>The value of a varint or fixed field.</summary>
    public ulong Number { get; private set; }

    /// <summary>The value of a length-delimited field.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    public readonly string Text => Encoding.UTF8.GetString(Bytes);

    public readonly double Double => BitConverter.UInt64BitsToDouble(Number);

    public bool Next()
    {
        if (_rest.IsEmpty)
        {
            return false;
        }

        var tag = Varint();
        Field = (int)(tag >> 3);
        Number = 0;
        Bytes = default;
        switch (tag & 7)
        {
            case 0:
                Number = Varint();
                break;
            case 1:
                Number = BinaryPrimitives.ReadUInt64LittleEndian(Take(8));
                break;
            case 2:
                Bytes = Take((int)Varint());
                break;
            case 5:
                Number = BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
                break;
            default:
                throw new InvalidDataException($"Wire type {tag & 7} of field {Field} is not in proto3.");
        }

        return true;
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var b = Take(1)[0];
            value |= (ulong)(b & 0x7f) << shift;
            if (b < 0x80)
            {
                return value;
            }
        }

        throw new InvalidDataException("A varint is longer than ten bytes.");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}

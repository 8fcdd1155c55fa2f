using System.Buffers.Binary;

namespace Tracking.RedirectEdge.Events;

/// <summary>
/// Gives each batch a number that is never used again, even after a power loss. A block of numbers is reserved and
/// synced on disk before its first number is used, and a start begins behind the block of the last run. The unused
/// numbers of a block are a gap. Only the holder of the spool's turn calls this.
/// </summary>
internal sealed class SequenceReservation
{
    /// <summary>The name of the reservation's file.</summary>
    public const string FileName = "sequence";

    /// <summary>The numbers of a block. A thousand segments cost one synced write, and 63 bits are enough for any
    /// number of starts.</summary>
    internal const int Block = 1_024;

    private readonly EdgeFolder _folder;
    private long _next;
    private long _reservedBelow;

    /// <summary>Begins behind every reserved number.</summary>
    public SequenceReservation(EdgeFolder folder)
    {
        _folder = folder;
        _next = BinaryPrimitives.ReadInt64LittleEndian(
            folder.ReadChecked(FileName)
            ?? throw new InvalidOperationException($"{folder.Path}: the file {FileName} is missing."));
        _reservedBelow = _next;
    }

    /// <summary>The reservation of a new edge, which has used no number.</summary>
    public static byte[] First => Encode(1);

    /// <summary>The number that the next call of <see cref="Take"/> returns. No smaller number is returned any
    /// more.</summary>
    public long Next => Volatile.Read(ref _next);

    /// <summary>Returns a number that was never returned before.</summary>
    /// <exception cref="IOException">A new block could not be reserved.</exception>
    public long Take()
    {
        if (_next >= _reservedBelow)
        {
            var reservedBelow = _next + Block;
            _folder.WriteChecked(FileName, Encode(reservedBelow));
            _reservedBelow = reservedBelow;
        }

        var taken = _next;
        Volatile.Write(ref _next, taken + 1);
        return taken;
    }

    private static byte[] Encode(long reservedBelow)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, reservedBelow);
        return bytes;
    }
}

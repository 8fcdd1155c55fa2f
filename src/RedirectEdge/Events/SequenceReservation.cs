using System.Buffers.Binary;

namespace Tracking.RedirectEdge.Events;

/// <summary>
/// Gives each batch a number that is never given again, power loss included: a block of numbers is reserved on disk,
/// synced, before its first is used, and a start begins behind the block that the last run had reserved. What was not
/// used of a block is a gap. Only the holder of the spool's turn calls this.
/// </summary>
internal sealed class SequenceReservation
{
    /// <summary>The file that holds the reservation.</summary>
    public const string FileName = "sequence";

    /// <summary>Numbers of a block: one synced write in a thousand segments, and 63 bits outlast any number of starts.
    /// </summary>
    internal const int Block = 1_024;

    private readonly EdgeFolder _folder;
    private long _next;
    private long _reservedBelow;

    /// <summary>Begins behind everything that was reserved before.</summary>
    public SequenceReservation(EdgeFolder folder)
    {
        _folder = folder;
        _next = BinaryPrimitives.ReadInt64LittleEndian(
            folder.ReadChecked(FileName)
            ?? throw new InvalidOperationException($"{folder.Path}: the file {FileName} is gone."));
        _reservedBelow = _next;
    }

    /// <summary>The reservation of a new edge: nothing used yet.</summary>
    public static byte[] First => Encode(1);

    /// <summary>The number that the next call of <see cref="Take"/> gives; everything below has been given or never
    /// will be.</summary>
    public long Next => Volatile.Read(ref _next);

    /// <summary>A number never given before.</summary>
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

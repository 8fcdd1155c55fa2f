using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace Tracking.RedirectEdge.Events;

/// <summary>A sealed segment: synced, unchangeable, one batch.</summary>
/// <param name="Sequence">The batch's number.</param>
/// <param name="Events">The number of records, whole and unreadable ones.</param>
/// <param name="Bytes">The size in bytes.</param>
internal sealed record SpoolSegment(long Sequence, int Events, long Bytes)
{
    private const string OpenSuffix = ".open";
    private const string SealedSuffix = ".sealed";

    /// <summary>The file's name. It contains the count, so that a start need not read every sealed segment.</summary>
    public string FileName => string.Create(CultureInfo.InvariantCulture, $"{Sequence:D19}-{Events}{SealedSuffix}");

    /// <summary>The name of a segment that is still open.</summary>
    public static string OpenFileName(long sequence) =>
        string.Create(CultureInfo.InvariantCulture, $"{sequence:D19}{OpenSuffix}");

    /// <summary>Reads the name of an open segment.</summary>
    public static bool TryParseOpen(string fileName, out long sequence)
    {
        sequence = 0;
        return fileName.EndsWith(OpenSuffix, StringComparison.Ordinal)
            && long.TryParse(
                fileName.AsSpan(..^OpenSuffix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out sequence);
    }

    /// <summary>Reads the name of a sealed segment.</summary>
    public static bool TryParseSealed(string fileName, out long sequence, out int events)
    {
        sequence = 0;
        events = 0;
        var dash = fileName.IndexOf('-', StringComparison.Ordinal);
        return dash > 0
            && fileName.EndsWith(SealedSuffix, StringComparison.Ordinal)
            && long.TryParse(fileName.AsSpan(..dash), NumberStyles.None, CultureInfo.InvariantCulture, out sequence)
            && int.TryParse(
                fileName.AsSpan((dash + 1)..^SealedSuffix.Length),
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out events);
    }
}

/// <summary>An open segment. Only the holder of the spool's turn writes to it.</summary>
internal sealed class OpenSegment(long sequence, SafeFileHandle handle, long openedAt)
{
    private long _length;

    public long Sequence { get; } = sequence;

    public SafeFileHandle Handle { get; } = handle;

    /// <summary>The timestamp of the first event.</summary>
    public long OpenedAt { get; } = openedAt;

    /// <summary>The number of bytes of whole records. The next group is written here, over the rest of a failed
    /// write.</summary>
    public long Length
    {
        get => Volatile.Read(ref _length);
        set => Volatile.Write(ref _length, value);
    }

    public int Events { get; set; }

    /// <summary>The number of bytes that are certainly on disk; the sealing thread updates it.</summary>
    public long SyncedLength { get; set; }

    /// <summary>Whether a write failed, so that bytes may be behind <see cref="Length"/>.</summary>
    public bool MayHaveTail { get; set; }
}

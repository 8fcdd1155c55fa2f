using Tracking.Contracts;

namespace Tracking.RedirectEdge.Events;

/// <summary>What a start found in the spool.</summary>
/// <param name="Sealed">The batches to publish, by sequence.</param>
/// <param name="RecoveredEvents">Whole records in segments that had not been sealed.</param>
/// <param name="CutBytes">Bytes cut off behind the last whole record of such segments.</param>
internal sealed record Recovery(IReadOnlyList<SpoolSegment> Sealed, long RecoveredEvents, long CutBytes);

/// <summary>
/// Brings a spool into order after the last run ended, however it ended. A segment that was still open was never
/// published, so cutting it changes no batch that anybody has seen.
/// </summary>
internal static class RecoverSegments
{
    /// <summary>Seals what was open, deletes what is empty, lists what is to be published.</summary>
    public static Recovery Recover(string spoolPath)
    {
        var found = new List<SpoolSegment>();
        long recovered = 0;
        long cut = 0;
        foreach (var file in new DirectoryInfo(spoolPath).EnumerateFiles().ToArray())
        {
            if (SpoolSegment.TryParseOpen(file.Name, out var sequence))
            {
                var (whole, removed, segment) = Seal(file, sequence);
                recovered += whole;
                cut += removed;
                if (segment is not null)
                {
                    found.Add(segment);
                }
            }
            else if (SpoolSegment.TryParseSealed(file.Name, out sequence, out var events))
            {
                found.Add(new SpoolSegment(sequence, events, file.Length));
            }
        }

        SyncDirectory.Flush(spoolPath);
        found.Sort((a, b) => a.Sequence.CompareTo(b.Sequence));
        return new Recovery(found, recovered, cut);
    }

    /// <summary>
    /// Finds the end of the last whole record. Damaged records before it stay, as records that cannot be read: whoever
    /// stores the batch counts them. Behind a torn one nothing is looked for: a client could have put the bytes of a
    /// record into its user agent, and a search would take that for an event.
    /// </summary>
    /// <returns>Bytes to keep, records in them, and how many of those are whole.</returns>
    internal static (int Keep, int Records, int Whole) Scan(ReadOnlySpan<byte> bytes)
    {
        var (at, keep, records, seen, whole) = (0, 0, 0, 0, 0);
        while (true)
        {
            var outcome = EventRecord.ReadFrame(bytes[at..], out _, out var size);
            if (outcome is FrameOutcome.Torn)
            {
                return (keep, records, whole);
            }

            at += size;
            seen++;
            if (outcome is FrameOutcome.Whole)
            {
                (keep, records) = (at, seen);
                whole++;
            }
        }
    }

    private static (int Whole, long Cut, SpoolSegment? Segment) Seal(FileInfo file, long sequence)
    {
        // A segment is a few MiB at most: it is one message on the bus.
        var bytes = File.ReadAllBytes(file.FullName);
        var (keep, records, whole) = Scan(bytes);
        if (keep == 0)
        {
            file.Delete();
            return (0, bytes.Length, null);
        }

        using (var handle = File.OpenHandle(file.FullName, FileMode.Open, FileAccess.ReadWrite))
        {
            RandomAccess.SetLength(handle, keep);
            RandomAccess.FlushToDisk(handle);
        }

        var segment = new SpoolSegment(sequence, records, keep);
        file.MoveTo(Path.Combine(file.DirectoryName!, segment.FileName));
        return (whole, bytes.Length - keep, segment);
    }
}

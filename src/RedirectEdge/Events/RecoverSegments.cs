using Tracking.Contracts;

namespace Tracking.RedirectEdge.Events;

/// <summary>The spool's content at a start.</summary>
/// <param name="Sealed">The batches to publish, by sequence.</param>
/// <param name="RecoveredEvents">The number of whole records in segments that were not sealed.</param>
/// <param name="CutBytes">The number of bytes cut off behind the last whole record of these segments.</param>
internal sealed record Recovery(IReadOnlyList<SpoolSegment> Sealed, long RecoveredEvents, long CutBytes);

/// <summary>
/// Repairs a spool after the last run, however that run ended. A segment that was still open was never published, so
/// cutting it changes no published batch.
/// </summary>
internal static class RecoverSegments
{
    /// <summary>Seals open segments, deletes empty ones, and lists the batches to publish.</summary>
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
    /// Finds the end of the last whole record. Damaged records before it stay as unreadable records, and the ingest
    /// that stores the batch counts them. Nothing behind a torn record is searched: a client could have put the bytes
    /// of a record into its user agent, and a search would find that false event.
    /// </summary>
    /// <returns>The bytes to keep, the number of records in them, and the number of whole records.</returns>
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
        // A segment has at most a few MiB, because it becomes one message on the bus.
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

using System.Text;

namespace Tracking.Milter.Sessions;

/// <summary>A change of one header field.</summary>
/// <param name="Occurrence">The number of the field among those with this name, from 1.</param>
/// <param name="Name">The name.</param>
/// <param name="Value">The new bytes after the colon, without the line end; empty to delete the field.</param>
internal readonly record struct HeaderChange(int Occurrence, ReadOnlyMemory<byte> Name, ReadOnlyMemory<byte> Value)
{
    /// <summary>Finds the changes from one header to another. The rewriter deletes fields and changes values. It never
    /// adds or moves a field.</summary>
    /// <param name="before">A message.</param>
    /// <param name="after">The message as it goes out.</param>
    /// <returns>The changes, the last field first, because a deletion changes the numbers of later fields.</returns>
    public static List<HeaderChange> Between(ReadOnlyMemory<byte> before, ReadOnlyMemory<byte> after)
    {
        var (old, made) = (Fields(before), Fields(after));
        var seen = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        var changes = new List<HeaderChange>();
        var next = 0;
        for (var i = 0; i < old.Count; i++)
        {
            var (name, field) = old[i];
            var key = Encoding.Latin1.GetString(name.Span);
            var occurrence = seen[key] = seen.GetValueOrDefault(key) + 1;
            if (next < made.Count && made[next].Field.Span.SequenceEqual(field.Span))
            {
                next++;
                continue;
            }

            var isChanged = next < made.Count
                && Ascii.EqualsIgnoreCase(made[next].Name.Span, name.Span)
                && !(i + 1 < old.Count && made[next].Field.Span.SequenceEqual(old[i + 1].Field.Span));
            changes.Add(new HeaderChange(
                occurrence, name, isChanged ? made[next].Field[(name.Length + 1)..] : default));
            next += isChanged ? 1 : 0;
        }

        changes.Reverse();
        return changes;
    }

    /// <summary>Where the body begins.</summary>
    public static int BodyOf(ReadOnlySpan<byte> message) => message.StartsWith("\r\n"u8)
        ? 2
        : message.IndexOf("\r\n\r\n"u8) is >= 0 and var end ? end + 4 : message.Length;

    private static List<(ReadOnlyMemory<byte> Name, ReadOnlyMemory<byte> Field)> Fields(ReadOnlyMemory<byte> message)
    {
        var fields = new List<(ReadOnlyMemory<byte>, ReadOnlyMemory<byte>)>();
        var header = message[..BodyOf(message.Span)];
        while (header.Span.IndexOf((byte)':') is > 0 and var colon)
        {
            var span = header.Span;
            var end = colon;
            do
            {
                var found = span[end..].IndexOf("\r\n"u8);
                end = found < 0 ? span.Length : end + found + 2;
            }
            while (end < span.Length && span[end] is (byte)' ' or (byte)'\t');

            fields.Add((header[..colon], header[..Math.Max(colon + 1, end - 2)]));
            header = header[end..];
        }

        return fields;
    }
}

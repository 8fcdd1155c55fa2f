using System.Buffers.Text;
using System.Text;
using Tracking.Rewrite.Messages;
using Tracking.Rewrite.Mime;

namespace Tracking.Benchmarks;

/// <summary>The letters of a campaign: the same message with some words that differ for each recipient. These are
/// changed in place.</summary>
internal sealed class Campaign
{
    private const int Base64Line = 57;
    private static readonly byte[] _digits = Encoding.ASCII.GetBytes("0123456789abcdefghijklmnopqrstuvwxyz");

    private readonly List<int[]> _places = [];
    private readonly List<EncodedLine> _lines = [];
    private int _letters;

    /// <param name="message">The first letter.</param>
    /// <param name="marks">The words that differ in each letter. Their last four characters count up.</param>
    public Campaign(byte[] message, params string[] marks)
    {
        Message = message;
        var parts = new List<MimePart>();
        MessageHeader.Read(message).ReadParts(parts, []);
        foreach (var mark in marks.Select(Encoding.ASCII.GetBytes))
        {
            var count = _places.Count + _lines.Count;
            AddPlaces(message.AsSpan(0, parts[0].HeaderStart), mark, place => place);
            foreach (var part in parts)
            {
                AddPlaces(part, mark);
            }

            if (_places.Count + _lines.Count == count)
            {
                throw new InvalidOperationException("The newsletter is not what it was.");
            }
        }
    }

    /// <summary>The letter.</summary>
    public byte[] Message { get; }

    /// <summary>Changes the message to the next letter.</summary>
    public void Next()
    {
        Span<byte> digits = stackalloc byte[4];
        var number = ++_letters;
        for (var i = 3; i >= 0; i--)
        {
            digits[i] = _digits[number % 36];
            number /= 36;
        }

        foreach (var place in _places)
        {
            for (var i = 0; i < 4; i++)
            {
                Message[place[i]] = digits[i];
            }
        }

        foreach (var line in _lines)
        {
            for (var i = 0; i < 4; i++)
            {
                if (line.At + i is >= 0 and < Base64Line)
                {
                    line.Content[line.At + i] = digits[i];
                }
            }

            Base64.EncodeToUtf8(line.Content, Message.AsSpan(line.Start), out _, out _);
        }
    }

    private void AddPlaces(in MimePart part, byte[] mark)
    {
        var start = part.BodyStart;
        var body = Message.AsSpan(start, part.BodyEnd - start);
        var content = new byte[body.Length];
        switch (part.Encoding)
        {
            case TransferEncoding.QuotedPrintable:
                using (var quotedPrintable = new QuotedPrintable())
                {
                    var length = quotedPrintable.Decode(body, content);
                    AddPlaces(content.AsSpan(0, length), mark, place =>
                    {
                        quotedPrintable.Rewind();
                        return start + quotedPrintable.RawStart(Message.AsSpan(start), place);
                    });
                }

                break;
            case TransferEncoding.Base64:
                AddLines(content.AsSpan(0, Base64Body.Decode(body, content)), mark, start);
                break;
            default:
                AddPlaces(body, mark, place => start + place);
                break;
        }
    }

    private void AddPlaces(ReadOnlySpan<byte> content, byte[] mark, Func<int, int> toMessage)
    {
        foreach (var place in Find(content, mark))
        {
            _places.Add([.. Enumerable.Range(place, 4).Select(toMessage)]);
        }
    }

    private void AddLines(ReadOnlySpan<byte> content, byte[] mark, int bodyStart)
    {
        foreach (var place in Find(content, mark))
        {
            for (var line = place / Base64Line; line <= (place + 3) / Base64Line; line++)
            {
                var start = line * Base64Line;
                _lines.Add(new EncodedLine(
                    content[start..Math.Min(start + Base64Line, content.Length)].ToArray(),
                    place - start,
                    bodyStart + (line * (76 + 2))));
            }
        }
    }

    // Finds the last four characters of each mark.
    private static List<int> Find(ReadOnlySpan<byte> content, byte[] mark)
    {
        var places = new List<int>();
        for (var from = 0; content[from..].IndexOf(mark) is >= 0 and var at; from += at + mark.Length)
        {
            places.Add(from + at + mark.Length - 4);
        }

        return places;
    }

    private sealed record EncodedLine(byte[] Content, int At, int Start);
}

using System.Buffers;
using System.Buffers.Text;
using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Mime;

/// <summary>Encoded words (RFC 2047) in a header field, also in fields where the RFC forbids them: mailers encode every
/// field that is long or has non-ASCII letters.</summary>
internal static class EncodedWords
{
    // 50 times the limit of RFC 2047. Longer text only looks like an encoded word.
    private const int MaxLength = 4096;

    /// <summary>Appends a field's value as UTF-8, with encoded words decoded. Other text stays unchanged.</summary>
    public static void Decode(ReadOnlySpan<byte> value, ByteBuffer output)
    {
        var isBehindWord = false;
        while (value.IndexOf("=?"u8) is >= 0 and var start)
        {
            var length = Length(value[start..]);
            if (length == 0)
            {
                output.Append(value[..(start + 2)]);
                value = value[(start + 2)..];
                isBehindWord = false;
                continue;
            }

            // White space between two encoded words is not part of the text.
            if (!isBehindWord || !IsBlank(value[..start]))
            {
                output.Append(value[..start]);
            }

            isBehindWord = DecodeWord(value.Slice(start, length), output);
            value = value[(start + length)..];
        }

        output.Append(value);
    }

    // =?charset?Q?text?=; returns 0 for text that is not an encoded word.
    private static int Length(ReadOnlySpan<byte> text)
    {
        text = text[..Math.Min(text.Length, MaxLength)];
        var position = 2;
        for (var part = 0; part < 2; part++)
        {
            var length = text[position..].IndexOf((byte)'?');
            if (length <= 0)
            {
                return 0;
            }

            position += length + 1;
        }

        var end = text[position..].IndexOf("?="u8);
        return end < 0 || text[..position].ContainsAny(" \t\r\n"u8) ? 0 : position + end + 2;
    }

    // A word with an unknown charset or encoding stays unchanged.
    private static bool DecodeWord(ReadOnlySpan<byte> word, ByteBuffer output)
    {
        var inner = word[2..^2];
        var first = inner.IndexOf((byte)'?');
        var second = first + 1 + inner[(first + 1)..].IndexOf((byte)'?');

        // RFC 2231 5 allows a language behind the charset.
        var name = inner[..first];
        var star = name.IndexOf((byte)'*');
        var charset = MailCharset.Find(star < 0 ? name : name[..star]);
        var encoding = inner[(first + 1)..second];
        var text = inner[(second + 1)..];
        var bytes = ArrayPool<byte>.Shared.Rent(text.Length + 1);
        try
        {
            var length = encoding.Length != 1 || charset is not { NeedsDecoding: false } ? -1
                : (encoding[0] | 0x20) == 'q' ? DecodeQ(text, bytes)
                : (encoding[0] | 0x20) == 'b' ? DecodeB(text, bytes)
                : -1;
            if (length < 0)
            {
                output.Append(word);
                return false;
            }

            var decoded = bytes.AsSpan(0, length);
            MailCharset.AppendUtf8(decoded, charset!.EncodingOf(decoded), output);
            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    private static int DecodeQ(ReadOnlySpan<byte> text, Span<byte> output)
    {
        var length = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '=' && i + 2 < text.Length
                && Convert.FromHexString(text.Slice(i + 1, 2), output[length..], out _, out _) == OperationStatus.Done)
            {
                length++;
                i += 2;
            }
            else
            {
                output[length++] = text[i] == '_' ? (byte)' ' : text[i];
            }
        }

        return length;
    }

    private static int DecodeB(ReadOnlySpan<byte> text, Span<byte> output) =>
        Base64.DecodeFromUtf8(text, output, out _, out var written) == OperationStatus.Done ? written : -1;

    private static bool IsBlank(ReadOnlySpan<byte> text) => !text.ContainsAnyExcept(" \t\r\n"u8);
}

using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Messages;

/// <summary>Computes the new value of a header field that describes changed content.</summary>
internal static class MeasureContent
{
    /// <summary>The field's new value.</summary>
    /// <param name="sum">The field.</param>
    /// <param name="stated">The field's old value.</param>
    /// <param name="before">The original body.</param>
    /// <param name="after">The rewritten body.</param>
    public static byte[] Value(
        in ContentSum sum, ReadOnlySpan<byte> stated, ReadOnlySpan<byte> before, ReadOnlySpan<byte> after) =>
        sum.Kind switch
        {
            ContentSumKind.Md5 => Md5(sum.Encoding, stated, before, after),
            ContentSumKind.Length => Number(after.Length),
            _ => Number(after.Count((byte)'\n') + (after.IsEmpty || after[^1] == '\n' ? 0 : 1)),
        };

    private static byte[] Number(int value) => Encoding.ASCII.GetBytes($"{value}");

    // RFC 1864: the sum covers the content in canonical form, so text has CRLF. If the old sum was computed over the
    // bytes as they are, the new sum is too.
    private static byte[] Md5(
        TransferEncoding encoding, ReadOnlySpan<byte> stated, ReadOnlySpan<byte> before, ReadOnlySpan<byte> after)
    {
        var old = Decode(encoding, before);
        var canonical = !stated.SequenceEqual(Hash(old)) || stated.SequenceEqual(Hash(Canonical(old)));
        var content = Decode(encoding, after);
        return Hash(canonical ? Canonical(content) : content);
    }

    private static byte[] Hash(ReadOnlySpan<byte> content)
    {
        var value = new byte[24];
#pragma warning disable CA5351 // RFC 1864 requires MD5. It detects transport errors, not attacks.
        Base64.EncodeToUtf8(MD5.HashData(content), value, out _, out _);
#pragma warning restore CA5351
        return value;
    }

    /// <summary>A body's content.</summary>
    public static ReadOnlySpan<byte> Decode(TransferEncoding encoding, ReadOnlySpan<byte> body)
    {
        if (encoding is not (TransferEncoding.QuotedPrintable or TransferEncoding.Base64))
        {
            return body;
        }

        var content = new byte[body.Length + 3];
        using var quotedPrintable = new QuotedPrintable();
        var length = encoding == TransferEncoding.Base64
            ? Base64Body.Decode(body, content)
            : quotedPrintable.Decode(body, content);
        return content.AsSpan(0, Math.Max(0, length));
    }

    private static ReadOnlySpan<byte> Canonical(ReadOnlySpan<byte> content)
    {
        var output = new byte[content.Length + content.Count((byte)'\n')];
        var length = 0;
        while (content.IndexOf((byte)'\n') is >= 0 and var newLine)
        {
            var end = newLine > 0 && content[newLine - 1] == '\r' ? newLine - 1 : newLine;
            content[..end].CopyTo(output.AsSpan(length));
            "\r\n"u8.CopyTo(output.AsSpan(length + end));
            length += end + 2;
            content = content[(newLine + 1)..];
        }

        content.CopyTo(output.AsSpan(length));
        return output.AsSpan(0, length + content.Length);
    }
}

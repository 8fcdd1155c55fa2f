using System.Collections.Frozen;
using System.Text;
using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Mime;

/// <summary>How a charset relates to ASCII.</summary>
internal enum CharsetForm : byte
{
    /// <summary>An ASCII byte always means its ASCII character: markup and URLs are found in the bytes
    /// directly.</summary>
    Ascii,

    /// <summary>An ASCII byte may be the second half of a letter.</summary>
    Letters,

    /// <summary>Escapes before an ASCII byte decide its meaning.</summary>
    Stateful,

    /// <summary>UTF-16.</summary>
    TwoBytes,

    /// <summary>UTF-32.</summary>
    FourBytes,
}

/// <summary>
/// A charset of a text part. Content in a charset of the form <see cref="CharsetForm.Ascii"/> is read directly. Content
/// in another charset is decoded first (<see cref="DecodedText"/>), and replacements are encoded.
/// </summary>
internal sealed class MailCharset
{
    /// <summary>UTF-8.</summary>
    public static readonly MailCharset Utf8 = new(null);

    /// <summary>No label, or "us-ascii": UTF-8 when the content is valid UTF-8, otherwise windows-1252, the usual
    /// meaning in old mail.</summary>
    public static readonly MailCharset Undeclared = new(CodePage(1252)) { _preferUtf8 = true };

    /// <summary>UTF-7 (RFC 2152). Browsers do not know UTF-7, but a sender that declares it means it.</summary>
#pragma warning disable SYSLIB0001 // Decoded text only finds links. The bytes would reach the reader without us too.
    public static readonly MailCharset Utf7 = new(new UTF7Encoding(true)) { Form = CharsetForm.Stateful };
#pragma warning restore SYSLIB0001

    public static readonly MailCharset Utf16LittleEndian =
        new(new UnicodeEncoding(false, false, true)) { Form = CharsetForm.TwoBytes };

    public static readonly MailCharset Utf16BigEndian =
        new(new UnicodeEncoding(true, false, true)) { Form = CharsetForm.TwoBytes };

    public static readonly MailCharset Utf16 = new(null) { Form = CharsetForm.TwoBytes };

    public static readonly MailCharset Utf32LittleEndian =
        new(new UTF32Encoding(false, false, true)) { Form = CharsetForm.FourBytes };

    public static readonly MailCharset Utf32BigEndian =
        new(new UTF32Encoding(true, false, true)) { Form = CharsetForm.FourBytes };

    public static readonly MailCharset Utf32 = new(null) { Form = CharsetForm.FourBytes };

    private static readonly FrozenDictionary<string, MailCharset> _known =
        CharsetTable.Read().ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, MailCharset>.AlternateLookup<ReadOnlySpan<char>> _byName =
        _known.GetAlternateLookup<ReadOnlySpan<char>>();

    private readonly Encoding? _encoding;
    private bool _preferUtf8;

    private MailCharset(Encoding? encoding) => _encoding = encoding;

    /// <summary>The charset's relation to ASCII.</summary>
    public CharsetForm Form { get; private init; }

    /// <summary>Whether content must be decoded before it is read.</summary>
    public bool NeedsDecoding => Form != CharsetForm.Ascii;

    /// <summary>True when the header names the charset; otherwise the content decides.</summary>
    public bool IsDeclared => !_preferUtf8;

    /// <summary>The number of bytes of an ASCII character.</summary>
    public int UnitLength => Form == CharsetForm.TwoBytes ? 2 : Form == CharsetForm.FourBytes ? 4 : 1;

    /// <summary>The encoding of queries in the links of an HTML document. <see langword="null"/> is UTF-8, which also
    /// replaces the charsets that queries cannot have (WHATWG, "get an output encoding").</summary>
    public Encoding? QueryEncoding => Form == CharsetForm.Letters || _encoding?.CodePage == 50220 ? _encoding : null;

    /// <summary>A charset that is a Windows code page.</summary>
    public static MailCharset OfPage(int codePage, CharsetForm form = CharsetForm.Ascii) =>
        new(CodePage(codePage)) { Form = form };

    /// <summary>The charset of a part.</summary>
    /// <param name="name">The parameter's value; empty when there is none.</param>
    /// <returns><see langword="null"/> when it is unknown.</returns>
    public static MailCharset? Find(ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty)
        {
            return Undeclared;
        }

        Span<char> lower = stackalloc char[32];
        return name.Length <= lower.Length
            && Ascii.ToLower(name.Trim(" \t"u8), lower, out var length) == System.Buffers.OperationStatus.Done
            && _byName.TryGetValue(lower[..length], out var charset)
                ? charset
                : null;
    }

    /// <summary>The charset with its byte order, as the byte order mark shows it.</summary>
    /// <returns><see langword="null"/> when a required mark is missing: without a mark, readers differ in the byte
    /// order that they use.</returns>
    public MailCharset? OfContent(ReadOnlySpan<byte> content) =>
        _encoding is not null || this == Utf8 ? this
        : Form == CharsetForm.TwoBytes
            ? content is [0xff, 0xfe, ..] ? Utf16LittleEndian : content is [0xfe, 0xff, ..] ? Utf16BigEndian : null
        : content is [0xff, 0xfe, 0, 0, ..] ? Utf32LittleEndian
        : content is [0, 0, 0xfe, 0xff, ..] ? Utf32BigEndian
        : null;

    /// <summary>A strict decoder of the charset: it throws on invalid bytes.</summary>
    public Decoder StrictDecoder()
    {
        var strict = (Encoding)_encoding!.Clone();
        strict.DecoderFallback = DecoderFallback.ExceptionFallback;
        return strict.GetDecoder();
    }

    /// <summary>Appends ASCII in the charset.</summary>
    public void AppendAscii(ReadOnlySpan<byte> ascii, ByteBuffer output)
    {
        if (NeedsDecoding)
        {
            output.Append(_encoding!.GetBytes(Encoding.ASCII.GetString(ascii)));
        }
        else
        {
            output.Append(ascii);
        }
    }

    /// <summary>The encoding of a text; <see langword="null"/> is UTF-8.</summary>
    public Encoding? EncodingOf(ReadOnlySpan<byte> text) =>
        _preferUtf8 && System.Text.Unicode.Utf8.IsValid(text) ? null : _encoding;

    /// <summary>Appends text as UTF-8.</summary>
    public static void AppendUtf8(ReadOnlySpan<byte> text, Encoding? encoding, ByteBuffer output)
    {
        if (encoding is null || Ascii.IsValid(text))
        {
            output.Append(text);
        }
        else
        {
            output.Append(Encoding.UTF8.GetBytes(encoding.GetString(text)));
        }
    }

    /// <summary>Reads the character that begins with a non-ASCII byte. Text without a charset is read as UTF-8 where
    /// the bytes are valid UTF-8.</summary>
    /// <returns>The number of bytes of the character.</returns>
    public int ReadRune(ReadOnlySpan<byte> text, out Rune rune) =>
        _preferUtf8 && Rune.DecodeFromUtf8(text, out rune, out var consumed) == System.Buffers.OperationStatus.Done
            ? consumed
            : ReadRune(text, _encoding, out rune);

    /// <summary>Reads the character that begins with a non-ASCII byte.</summary>
    /// <returns>The number of bytes of the character.</returns>
    public static int ReadRune(ReadOnlySpan<byte> text, Encoding? encoding, out Rune rune)
    {
        if (encoding is null)
        {
            Rune.DecodeFromUtf8(text, out rune, out var consumed);
            return Math.Max(1, consumed);
        }

        // EUC-JP has two or three bytes per character; every other encoding here has one.
        var length = encoding.IsSingleByte ? 1 : text[0] == 0x8f ? 3 : 2;
        length = Math.Min(length, text.Length);
        Span<char> chars = stackalloc char[8];
        var count = encoding.GetChars(text[..length], chars);
        if (Rune.DecodeFromUtf16(chars[..count], out rune, out _) != System.Buffers.OperationStatus.Done)
        {
            rune = Rune.ReplacementChar;
        }

        return length;
    }

    private static Encoding CodePage(int number) =>
        CodePagesEncodingProvider.Instance.GetEncoding(number) ?? Encoding.GetEncoding(number);
}

using System.Collections.Frozen;
using System.Text;
using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Mime;

/// <summary>How a charset relates to ASCII.</summary>
internal enum CharsetForm : byte
{
    /// <summary>An ASCII byte always means that character: markup and URLs are found in the bytes themselves.</summary>
    Ascii,

    /// <summary>An ASCII byte may be the second half of a letter.</summary>
    Letters,

    /// <summary>An ASCII byte may be anything, depending on the escapes before it.</summary>
    Stateful,

    /// <summary>UTF-16.</summary>
    TwoBytes,

    /// <summary>UTF-32.</summary>
    FourBytes,
}

/// <summary>
/// A charset of a text part. In those of the form <see cref="CharsetForm.Ascii"/> the content is read as it stands; in
/// the others it is decoded first (<see cref="DecodedText"/>) and what is put in is encoded.
/// </summary>
internal sealed class MailCharset
{
    /// <summary>UTF-8.</summary>
    public static readonly MailCharset Utf8 = new(null);

    /// <summary>No label, or "us-ascii": UTF-8 when it is valid, else what such mail has always meant.</summary>
    public static readonly MailCharset Undeclared = new(CodePage(1252)) { _preferUtf8 = true };

    /// <summary>UTF-7 (RFC 2152). A browser does not know it, but who declares it means it.</summary>
#pragma warning disable SYSLIB0001 // Decoded text goes nowhere but to where the same bytes led without us.
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

    private static readonly FrozenDictionary<string, MailCharset> Known =
        CharsetTable.Read().ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, MailCharset>.AlternateLookup<ReadOnlySpan<char>> ByName =
        Known.GetAlternateLookup<ReadOnlySpan<char>>();

    private readonly Encoding? _encoding;
    private bool _preferUtf8;

    private MailCharset(Encoding? encoding) => _encoding = encoding;

    /// <summary>How it relates to ASCII.</summary>
    public CharsetForm Form { get; private init; }

    /// <summary>Whether content must be decoded before it is read.</summary>
    public bool NeedsDecoding => Form != CharsetForm.Ascii;

    /// <summary>Whether what is said of it is all there is to know; else the content has to be asked.</summary>
    public bool IsDeclared => !_preferUtf8;

    /// <summary>Bytes that an ASCII character takes.</summary>
    public int UnitLength => Form == CharsetForm.TwoBytes ? 2 : Form == CharsetForm.FourBytes ? 4 : 1;

    /// <summary>The encoding of the queries of an HTML document's links; <see langword="null"/> is UTF-8, which stands
    /// in
    /// for those that cannot be one (WHATWG, "get an output encoding").</summary>
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
            && ByName.TryGetValue(lower[..length], out var charset)
                ? charset
                : null;
    }

    /// <summary>What the byte order mark makes of it.</summary>
    /// <returns><see langword="null"/> when there should be a mark and is none: readers differ in what they take
    /// then.</returns>
    public MailCharset? OfContent(ReadOnlySpan<byte> content) =>
        _encoding is not null || this == Utf8 ? this
        : Form == CharsetForm.TwoBytes
            ? content is [0xff, 0xfe, ..] ? Utf16LittleEndian : content is [0xfe, 0xff, ..] ? Utf16BigEndian : null
        : content is [0xff, 0xfe, 0, 0, ..] ? Utf32LittleEndian
        : content is [0, 0, 0xfe, 0xff, ..] ? Utf32BigEndian
        : null;

    /// <summary>A strict decoder of the charset: it throws where the bytes mean nothing.</summary>
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

    /// <summary>The encoding that text is in; <see langword="null"/> is UTF-8.</summary>
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

    /// <summary>Reads the character that begins with a byte beyond ASCII; in text without a charset, UTF-8 where it is
    /// that.</summary>
    /// <returns>The bytes it takes.</returns>
    public int ReadRune(ReadOnlySpan<byte> text, out Rune rune) =>
        _preferUtf8 && Rune.DecodeFromUtf8(text, out rune, out var consumed) == System.Buffers.OperationStatus.Done
            ? consumed
            : ReadRune(text, _encoding, out rune);

    /// <summary>Reads the character that begins with a byte beyond ASCII.</summary>
    /// <returns>The bytes it takes.</returns>
    public static int ReadRune(ReadOnlySpan<byte> text, Encoding? encoding, out Rune rune)
    {
        if (encoding is null)
        {
            Rune.DecodeFromUtf8(text, out rune, out var consumed);
            return Math.Max(1, consumed);
        }

        // EUC-JP: two or three bytes; every other encoding here has one byte per character.
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

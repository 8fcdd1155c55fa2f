namespace Tracking.Rewrite.Mime;

/// <summary>The charset labels of mail. Labels of the WHATWG encoding standard have its meaning.</summary>
internal static class CharsetTable
{
    public static Dictionary<string, MailCharset> Read()
    {
        var table = new Dictionary<string, MailCharset>(StringComparer.Ordinal);
        Add(MailCharset.Utf8, "utf-8", "utf8");
        Add(MailCharset.Undeclared, "us-ascii", "ascii", "ansi_x3.4-1968");

        // The standard reads ISO-8859-1 as windows-1252 and ISO-8859-9 as windows-1254.
        AddPage(1252, "iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "windows-1252", "cp1252", "x-cp1252");
        AddPage(28592, "iso-8859-2", "iso8859-2", "latin2");
        AddPage(28593, "iso-8859-3", "latin3");
        AddPage(28594, "iso-8859-4", "latin4");
        AddPage(28595, "iso-8859-5");
        AddPage(28596, "iso-8859-6", "iso-8859-6-i");
        AddPage(28597, "iso-8859-7");
        AddPage(28598, "iso-8859-8", "iso-8859-8-i");
        AddPage(1254, "iso-8859-9", "latin5", "windows-1254");
        AddPage(28603, "iso-8859-13");
        AddPage(28605, "iso-8859-15", "iso8859-15", "latin9", "latin-9");
        AddPage(874, "windows-874", "tis-620", "iso-8859-11");
        AddPage(1250, "windows-1250", "cp1250");
        AddPage(1251, "windows-1251", "cp1251");
        AddPage(1253, "windows-1253");
        AddPage(1255, "windows-1255");
        AddPage(1256, "windows-1256");
        AddPage(1257, "windows-1257");
        AddPage(1258, "windows-1258");
        AddPage(20866, "koi8-r");
        AddPage(21866, "koi8-u");
        AddPage(866, "ibm866", "cp866");
        AddPage(10000, "macintosh", "x-mac-roman");

        // Not code page 20932: in it the second byte of a letter may be ASCII.
        AddPage(51932, "euc-jp");

        // In these charsets the second byte of a letter may be ASCII.
        AddDecoded(
            932, CharsetForm.Letters, "shift_jis", "shift-jis", "sjis", "x-sjis", "windows-31j", "ms_kanji", "cp932");
        AddDecoded(54936, CharsetForm.Letters, "gb18030", "gbk", "x-gbk", "cp936", "gb2312", "gb_2312-80", "euc-cn");
        AddDecoded(950, CharsetForm.Letters, "big5", "big5-hkscs", "x-x-big5", "cn-big5", "cp950");
        AddDecoded(949, CharsetForm.Letters, "euc-kr", "ks_c_5601-1987", "ksc5601", "windows-949", "cp949", "uhc");

        // In these charsets escapes switch between sets.
        AddDecoded(50220, CharsetForm.Stateful, "iso-2022-jp", "csiso2022jp", "iso-2022-jp-ms");
        AddDecoded(50225, CharsetForm.Stateful, "iso-2022-kr");
        AddDecoded(52936, CharsetForm.Stateful, "hz-gb-2312");
        Add(MailCharset.Utf7, "utf-7", "unicode-1-1-utf-7");

        // These charsets have units of two or four bytes. Without "le" or "be" the byte order mark decides.
        Add(MailCharset.Utf16LittleEndian, "utf-16le");
        Add(MailCharset.Utf16BigEndian, "utf-16be");
        Add(MailCharset.Utf16, "utf-16");
        Add(MailCharset.Utf32LittleEndian, "utf-32le");
        Add(MailCharset.Utf32BigEndian, "utf-32be");
        Add(MailCharset.Utf32, "utf-32");
        return table;

        void AddPage(int codePage, params ReadOnlySpan<string> names) => Add(MailCharset.OfPage(codePage), names);

        void AddDecoded(int codePage, CharsetForm form, params ReadOnlySpan<string> names) =>
            Add(MailCharset.OfPage(codePage, form), names);

        void Add(MailCharset charset, params ReadOnlySpan<string> names)
        {
            foreach (var name in names)
            {
                table[name] = charset;
            }
        }
    }
}

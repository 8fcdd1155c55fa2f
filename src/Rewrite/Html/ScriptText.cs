namespace Tracking.Rewrite.Html;

/// <summary>Script data and its escaped states (13.2.5.4 and 13.2.5.15 to 13.2.5.31 of the HTML standard).</summary>
internal static class ScriptText
{
    /// <summary>Finds the <c>&lt;</c> of the end tag that ends the script.</summary>
    /// <returns>The position of the <c>&lt;</c>, or -1.</returns>
    public static int FindEnd(ReadOnlySpan<byte> html, int position)
    {
        var escaped = false;
        var doubleEscaped = false;
        var escapeStart = 0;
        while (true)
        {
            var offset = escaped
                ? html[position..].IndexOfAny((byte)'<', (byte)'>')
                : html[position..].IndexOf((byte)'<');
            if (offset < 0)
            {
                return -1;
            }

            position += offset;
            if (html[position] == '>')
            {
                // "-->" ends the escaped state. Its dashes may be those of "<!--".
                if (position - 2 >= escapeStart && html[position - 1] == '-' && html[position - 2] == '-')
                {
                    escaped = doubleEscaped = false;
                }

                position++;
                continue;
            }

            var rest = html[(position + 1)..];
            if (!escaped && rest.StartsWith("!--"u8))
            {
                escaped = true;
                escapeStart = position + 2;
                position += 4;
            }
            else if (rest.StartsWith("/"u8) && HtmlTokenizer.IsTagName(rest[1..], "script"u8))
            {
                if (!doubleEscaped)
                {
                    return position;
                }

                doubleEscaped = false;
                position += 9;
            }
            else
            {
                if (escaped && !doubleEscaped && HtmlTokenizer.IsTagName(rest, "script"u8))
                {
                    doubleEscaped = true;
                }

                position++;
            }
        }
    }
}

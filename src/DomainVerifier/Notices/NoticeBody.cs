using System.Net;
using System.Text;

namespace Tracking.DomainVerifier.Notices;

/// <summary>A letter of a few paragraphs, as plain text and as HTML with the same words.</summary>
internal sealed class NoticeBody
{
    // Mail programs show this many characters without breaking lines of their own (RFC 5322 2.1.1).
    private const int Width = 76;

    private readonly StringBuilder _text = new();
    private readonly StringBuilder _html = new();
    private bool _isInList;

    /// <summary>The plain text, lines ending in LF.</summary>
    public string Text => _text.ToString();

    /// <summary>The HTML document.</summary>
    public string Html =>
        $"""
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"></head>
        <body style="font-family:sans-serif;max-width:40em">
        {_html}{(_isInList ? "</ul>\n" : "")}</body></html>

        """.ReplaceLineEndings("\n");

    /// <summary>Adds a paragraph.</summary>
    public void Paragraph(string words)
    {
        Begin();
        Wrap(words, "", "");
        _html.Append("<p>").Append(Encode(words)).Append("</p>\n");
    }

    /// <summary>Adds a heading.</summary>
    public void Heading(string words)
    {
        Begin();
        Wrap(words, "", "");
        _html.Append("<h2 style=\"font-size:1em\">").Append(Encode(words)).Append("</h2>\n");
    }

    /// <summary>Adds an item to a list.</summary>
    public void Bullet(string words)
    {
        if (!_isInList)
        {
            _html.Append("<ul>\n");
            _isInList = true;
        }

        Wrap(words, "- ", "  ");
        _html.Append("<li>").Append(Encode(words)).Append("</li>\n");
    }

    /// <summary>Adds names and values, in lines that are never broken, to be copied.</summary>
    public void Table(params ReadOnlySpan<(string Name, string Value)> rows)
    {
        End();
        _html.Append("<table>\n");
        foreach (var (name, value) in rows)
        {
            _text.Append("  ").Append((name + ":").PadRight(8)).Append(Plain(value)).Append('\n');
            _html.Append("<tr><td>").Append(Encode(name)).Append("</td><td><code>").Append(Encode(value))
                .Append("</code></td></tr>\n");
        }

        _html.Append("</table>\n");
    }

    /// <summary>Adds a link.</summary>
    public void Link(string words, string url)
    {
        Begin();
        Wrap(words, "", "");
        _text.Append(url).Append('\n');
        _html.Append("<p>").Append(Encode(words)).Append(" <a href=\"").Append(Encode(url)).Append("\">")
            .Append(Encode(url)).Append("</a></p>\n");
    }

    /// <summary>Adds the footer.</summary>
    public void Small(string words)
    {
        Begin();
        Wrap(words, "", "");
        _html.Append("<p style=\"font-size:0.8em\">").Append(Encode(words)).Append("</p>\n");
    }

    private void Begin()
    {
        End();
        if (_text.Length > 0)
        {
            _text.Append('\n');
        }
    }

    private void End()
    {
        if (_isInList)
        {
            _html.Append("</ul>\n");
            _isInList = false;
        }
    }

    private void Wrap(string words, string first, string next)
    {
        var line = new StringBuilder(first);
        var isEmpty = true;
        foreach (var word in Plain(words).Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!isEmpty && line.Length + 1 + word.Length > Width)
            {
                _text.Append(line).Append('\n');
                line.Clear().Append(next);
                isEmpty = true;
            }

            line.Append(isEmpty ? "" : " ").Append(word);
            isEmpty = false;
        }

        _text.Append(line).Append('\n');
    }

    private static string Encode(string words) => WebUtility.HtmlEncode(Plain(words));

    // Cluster names and answers of name servers are foreign text. Line breaks and bidirectional controls are removed
    // from them.
    private static string Plain(string words) => string.Create(words.Length, words, static (span, from) =>
    {
        for (var i = 0; i < from.Length; i++)
        {
            span[i] = char.IsControl(from[i]) || from[i] is '\u2028' or '\u2029' or (>= '\u202a' and <= '\u202e')
                or (>= '\u2066' and <= '\u2069')
                ? ' '
                : from[i];
        }
    });
}

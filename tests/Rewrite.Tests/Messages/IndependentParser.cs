using System.Text;

namespace Tracking.Rewrite.Tests.Messages;

/// <summary>A second reader of MIME that shares no code with the tested one: recursive, over strings, slow. It reads
/// only messages of <see cref="GeneratedMessages"/>.</summary>
internal static class IndependentParser
{
    /// <summary>The parts without parts of their own: raw header, decoded content (one character per byte), whether it
    /// is text.</summary>
    public static List<(string Header, string Content, string Type)> Parts(string message)
    {
        var parts = new List<(string, string, string)>();
        Read(message, parts);
        return parts;
    }

    private static void Read(string entity, List<(string Header, string Content, string Type)> parts)
    {
        var crlf = entity.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        var lf = entity.IndexOf("\n\n", StringComparison.Ordinal);
        var split = crlf >= 0 && (lf < 0 || crlf < lf) ? crlf + 4 : lf + 2;
        var header = entity[..split];
        var body = entity[split..];
        var type = Field(header, "Content-Type:");
        if (type.StartsWith("multipart/", StringComparison.Ordinal))
        {
            var boundary = type[(type.IndexOf('"', StringComparison.Ordinal) + 1)..type.LastIndexOf('"')];
            var inside = false;
            var current = new StringBuilder();
            foreach (var line in Lines(body))
            {
                var bare = line.TrimEnd('\r', '\n', ' ', '\t');
                if (bare != $"--{boundary}" && bare != $"--{boundary}--")
                {
                    current.Append(line);
                    continue;
                }

                if (inside)
                {
                    Read(WithoutLastBreak(current.ToString()), parts);
                }

                current.Clear();
                inside = bare == $"--{boundary}";
            }

            if (inside)
            {
                Read(current.ToString(), parts);
            }

            return;
        }

        parts.Add((header, Decode(body, Field(header, "Content-Transfer-Encoding:")), type));
    }

    private static string Decode(string body, string encoding)
    {
        if (encoding == "base64")
        {
            return Encoding.Latin1.GetString(Convert.FromBase64String(body));
        }

        if (encoding != "quoted-printable")
        {
            return body;
        }

        var output = new StringBuilder();
        for (var i = 0; i < body.Length; i++)
        {
            if (body[i] != '=')
            {
                output.Append(body[i]);
            }
            else if (body[i + 1] is '\r' or '\n')
            {
                i += body[i + 1] == '\r' ? 2 : 1;
            }
            else
            {
                output.Append((char)Convert.ToByte(body.Substring(i + 1, 2), 16));
                i += 2;
            }
        }

        return output.ToString();
    }

    private static string Field(string header, string name)
    {
        var start = header.IndexOf(name, StringComparison.Ordinal);
        if (start < 0)
        {
            return "";
        }

        var end = start;
        do
        {
            end = header.IndexOf('\n', end) + 1;
        }
        while (end < header.Length && header[end] is ' ' or '\t');
        return header[(start + name.Length)..end].Trim();
    }

    private static IEnumerable<string> Lines(string text)
    {
        for (var start = 0; start < text.Length;)
        {
            var end = text.IndexOf('\n', start);
            end = end < 0 ? text.Length : end + 1;
            yield return text[start..end];
            start = end;
        }
    }

    private static string WithoutLastBreak(string text) =>
        text.EndsWith("\r\n", StringComparison.Ordinal) ? text[..^2]
        : text.EndsWith('\n') ? text[..^1]
        : text;
}

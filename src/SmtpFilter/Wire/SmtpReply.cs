using System.Text;

namespace Tracking.SmtpFilter.Wire;

/// <summary>An answer (RFC 5321 4.2): every line with its line end, unchanged.</summary>
/// <param name="Code">The three digits.</param>
/// <param name="Bytes">All lines.</param>
internal sealed record SmtpReply(int Code, ReadOnlyMemory<byte> Bytes)
{
    /// <summary>Whether the command succeeded.</summary>
    public bool IsPositive => Code is >= 200 and < 300;

    /// <summary>Makes an answer of this filter.</summary>
    /// <param name="text">Code, enhanced code (RFC 3463) and text in one line.</param>
    public static SmtpReply Of(string text) =>
        new(int.Parse(text.AsSpan(0, 3), System.Globalization.CultureInfo.InvariantCulture),
            Encoding.ASCII.GetBytes(text + "\r\n"));

    /// <summary>The texts of the lines, without codes.</summary>
    public IEnumerable<string> Lines => Encoding.Latin1.GetString(Bytes.Span)
        .Split("\r\n", StringSplitOptions.RemoveEmptyEntries)
        .Select(line => line.Length > 4 ? line[4..] : "");
}

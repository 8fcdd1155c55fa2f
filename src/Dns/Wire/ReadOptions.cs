using System.Buffers.Binary;
using System.Text;

namespace Tracking.Dns.Wire;

/// <summary>Reads the extended errors (RFC 8914) among the options of an OPT record (RFC 6891).</summary>
internal static class ReadOptions
{
    private const int ExtendedErrorOption = 15;
    private const int MostErrors = 8;
    private const int MostErrorText = 200;

    /// <summary>Reads at most eight extended errors.</summary>
    /// <returns><see langword="null"/> when the options are malformed.</returns>
    public static IReadOnlyList<ExtendedError>? Read(ReadOnlySpan<byte> options)
    {
        var errors = new List<ExtendedError>();
        while (options.Length >= 4)
        {
            int code = BinaryPrimitives.ReadUInt16BigEndian(options);
            int length = BinaryPrimitives.ReadUInt16BigEndian(options[2..]);
            if (length > options.Length - 4 || (code == ExtendedErrorOption && length < 2))
            {
                return null;
            }

            if (code == ExtendedErrorOption && errors.Count < MostErrors)
            {
                errors.Add(new ExtendedError(
                    BinaryPrimitives.ReadUInt16BigEndian(options[4..]), Shown(options[6..(4 + length)])));
            }

            options = options[(4 + length)..];
        }

        return options.IsEmpty ? errors : null;
    }

    // An untrusted server wrote this text. Characters that could control a terminal or break a line are left out.
    private static string Shown(ReadOnlySpan<byte> text)
    {
        var shown = new StringBuilder();
        foreach (var rune in Encoding.UTF8.GetString(text[..Math.Min(text.Length, MostErrorText)]).EnumerateRunes())
        {
            if (Rune.IsLetterOrDigit(rune) || Rune.IsPunctuation(rune) || Rune.IsSymbol(rune) || rune.Value == ' ')
            {
                shown.Append(rune.ToString());
            }
        }

        return shown.ToString();
    }
}

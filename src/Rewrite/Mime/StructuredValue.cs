using System.Globalization;
using System.Text;
using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Mime;

/// <summary>
/// Reads fields of the form <c>value; name=value</c> (RFC 2045 5.1), with folding, comments, quoted strings, and the
/// continuations and percent-encodings of RFC 2231.
/// </summary>
internal static class StructuredValue
{
    // The most continuations of one parameter. Real mail has fewer than ten.
    private const int MaxSections = 100;

    /// <summary>Reads the value before the first semicolon, without comments and white space.</summary>
    public static void ReadFirst(ReadOnlySpan<byte> field, ByteBuffer output)
    {
        var position = 0;
        while (position < field.Length && field[position] != ';')
        {
            if (field[position] == '(')
            {
                SkipComment(field, ref position);
            }
            else if (field[position] <= ' ')
            {
                position++;
            }
            else
            {
                output.Append(field[position++]);
            }
        }
    }

    /// <summary>Whether the field has the parameter, in any form.</summary>
    public static bool Has(ReadOnlySpan<byte> field, ReadOnlySpan<byte> name)
    {
        var position = 0;
        while (NextParameter(field, ref position, out var parameter, out _, out _))
        {
            var star = parameter.IndexOf((byte)'*');
            if (Ascii.EqualsIgnoreCase(star < 0 ? parameter : parameter[..star], name))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Reads a parameter.</summary>
    /// <returns>Whether the parameter is present.</returns>
    public static bool TryRead(ReadOnlySpan<byte> field, ReadOnlySpan<byte> name, ByteBuffer output)
    {
        var position = 0;
        var isContinued = false;
        while (NextParameter(field, ref position, out var parameter, out var value, out var isQuoted))
        {
            if (Ascii.EqualsIgnoreCase(parameter, name))
            {
                AppendValue(value, isQuoted, output);
                return true;
            }

            isContinued |= parameter.Length > name.Length
                && parameter[name.Length] == '*'
                && Ascii.EqualsIgnoreCase(parameter[..name.Length], name);
        }

        return isContinued && ReadContinued(field, name, output);
    }

    private static bool ReadContinued(ReadOnlySpan<byte> field, ReadOnlySpan<byte> name, ByteBuffer output)
    {
        for (var section = 0; section < MaxSections; section++)
        {
            var position = 0;
            var found = false;
            while (!found && NextParameter(field, ref position, out var parameter, out var value, out var isQuoted))
            {
                if (parameter.Length <= name.Length || parameter[name.Length] != '*'
                    || !Ascii.EqualsIgnoreCase(parameter[..name.Length], name))
                {
                    continue;
                }

                var suffix = parameter[(name.Length + 1)..];
                var isEncoded = suffix.IsEmpty || suffix[^1] == '*';
                var number = isEncoded && !suffix.IsEmpty ? suffix[..^1] : suffix;
                found = number.IsEmpty
                    ? section == 0
                    : int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n == section;
                if (found)
                {
                    AppendSection(value, isQuoted, isEncoded, section == 0, output);
                }
            }

            if (!found)
            {
                return section > 0;
            }
        }

        return true;
    }

    private static void AppendSection(
        ReadOnlySpan<byte> value, bool isQuoted, bool isEncoded, bool isFirst, ByteBuffer output)
    {
        if (!isEncoded)
        {
            AppendValue(value, isQuoted, output);
            return;
        }

        if (isFirst && value.Count((byte)'\'') >= 2)
        {
            value = value[(value.IndexOf((byte)'\'') + 1)..];
            value = value[(value.IndexOf((byte)'\'') + 1)..];
        }

        for (var i = 0; i < value.Length; i++)
        {
            if (value[i] == '%' && i + 2 < value.Length
                && byte.TryParse(
                    value.Slice(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var b))
            {
                output.Append(b);
                i += 2;
            }
            else
            {
                output.Append(value[i]);
            }
        }
    }

    private static void AppendValue(ReadOnlySpan<byte> value, bool isQuoted, ByteBuffer output)
    {
        if (!isQuoted)
        {
            output.Append(value);
            return;
        }

        for (var i = 0; i < value.Length; i++)
        {
            if (value[i] == '\\' && i + 1 < value.Length)
            {
                i++;
            }
            else if (value[i] is (byte)'\r' or (byte)'\n')
            {
                continue;
            }

            output.Append(value[i]);
        }
    }

    private static bool NextParameter(
        ReadOnlySpan<byte> field,
        ref int position,
        out ReadOnlySpan<byte> name,
        out ReadOnlySpan<byte> value,
        out bool isQuoted)
    {
        name = value = default;
        isQuoted = false;
        while (true)
        {
            if (!SkipToSemicolon(field, ref position))
            {
                return false;
            }

            SkipBlank(field, ref position);
            var start = position;
            while (position < field.Length
                && field[position] is not ((byte)'=' or (byte)';' or (byte)'(' or <= (byte)' '))
            {
                position++;
            }

            name = field[start..position];
            SkipBlank(field, ref position);
            if (position >= field.Length || field[position] != '=')
            {
                continue;
            }

            position++;
            SkipBlank(field, ref position);
            start = position;
            if (position < field.Length && field[position] == '"')
            {
                isQuoted = true;
                position++;
                while (position < field.Length && field[position] != '"')
                {
                    position += field[position] == '\\' ? 2 : 1;
                }

                position = Math.Min(position, field.Length);
                value = field[(start + 1)..position];
                position = Math.Min(position + 1, field.Length);
                return true;
            }

            while (position < field.Length && field[position] is not ((byte)';' or (byte)'(' or <= (byte)' '))
            {
                position++;
            }

            value = field[start..position];
            return true;
        }
    }

    private static bool SkipToSemicolon(ReadOnlySpan<byte> field, ref int position)
    {
        while (position < field.Length)
        {
            switch (field[position])
            {
                case (byte)';':
                    position++;
                    return true;
                case (byte)'(':
                    SkipComment(field, ref position);
                    break;
                case (byte)'"':
                    position++;
                    while (position < field.Length && field[position] != '"')
                    {
                        position += field[position] == '\\' ? 2 : 1;
                    }

                    position++;
                    break;
                default:
                    position++;
                    break;
            }
        }

        return false;
    }

    private static void SkipBlank(ReadOnlySpan<byte> field, ref int position)
    {
        while (position < field.Length && (field[position] <= ' ' || field[position] == '('))
        {
            if (field[position] == '(')
            {
                SkipComment(field, ref position);
            }
            else
            {
                position++;
            }
        }
    }

    private static void SkipComment(ReadOnlySpan<byte> field, ref int position)
    {
        var depth = 0;
        while (position < field.Length)
        {
            var c = field[position];
            position += c == '\\' ? 2 : 1;
            depth += c == '(' ? 1 : c == ')' ? -1 : 0;
            if (depth == 0)
            {
                break;
            }
        }

        position = Math.Min(position, field.Length);
    }
}

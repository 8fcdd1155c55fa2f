using System.Globalization;

namespace Tracking.Links;

/// <summary>The IPv4 parser of the WHATWG URL standard: <c>127.1</c>, <c>0x7f000001</c> and <c>017700000001</c> are one
/// address, and a name that ends in a number is either an address or invalid.</summary>
internal static class Ipv4Host
{
    /// <summary>Whether a URL parser reads the host as an IPv4 address.</summary>
    public static bool EndsInNumber(ReadOnlySpan<char> host)
    {
        if (host.EndsWith("."))
        {
            host = host[..^1];
        }

        var last = host[(host.LastIndexOf('.') + 1)..];
        return !last.IsEmpty
            && (!last.ContainsAnyExceptInRange('0', '9') || TryParseNumber(last, out _));
    }

    /// <summary>Reads the address.</summary>
    /// <returns>The address in dotted decimal, or <see langword="null"/> when it is not one.</returns>
    public static string? Parse(ReadOnlySpan<char> host)
    {
        if (host.EndsWith("."))
        {
            host = host[..^1];
        }

        Span<ulong> numbers = stackalloc ulong[4];
        var count = 0;
        foreach (var range in host.Split('.'))
        {
            if (count == 4 || !TryParseNumber(host[range], out numbers[count]))
            {
                return null;
            }

            count++;
        }

        ulong address = 0;
        for (var i = 0; i < count - 1; i++)
        {
            if (numbers[i] > 255)
            {
                return null;
            }

            address |= numbers[i] << (8 * (3 - i));
        }

        if (numbers[count - 1] >= 1UL << (8 * (5 - count)))
        {
            return null;
        }

        address |= numbers[count - 1];
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{address >> 24}.{(address >> 16) & 255}.{(address >> 8) & 255}.{address & 255}");
    }

    private static bool TryParseNumber(ReadOnlySpan<char> text, out ulong number)
    {
        number = 0;
        if (text.IsEmpty)
        {
            return false;
        }

        var radix = 10u;
        if (text.StartsWith("0x") || text.StartsWith("0X"))
        {
            text = text[2..];
            radix = 16;
        }
        else if (text.Length > 1 && text[0] == '0')
        {
            text = text[1..];
            radix = 8;
        }

        foreach (var c in text)
        {
            var digit = char.IsAsciiHexDigit(c) ? (uint)Convert.ToInt32(c.ToString(), 16) : 99;
            if (digit >= radix)
            {
                return false;
            }

            // More than 32 bits are always too large. The limit prevents an overflow.
            number = Math.Min((number * radix) + digit, 1UL << 40);
        }

        return true;
    }
}

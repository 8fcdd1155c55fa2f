using System.Text;

namespace Tracking.Links.International;

/// <summary>Punycode (RFC 3492). The cost is quadratic, which does not matter for short labels.</summary>
internal static class Punycode
{
    private const int Base = 36;
    private const int Smallest = 1;
    private const int Largest = 26;
    private const int Skew = 38;
    private const int Damp = 700;
    private const int InitialBias = 72;
    private const int InitialCodePoint = 0x80;

    /// <summary>Encodes code points. At least one of them must be outside ASCII.</summary>
    public static void Encode(ReadOnlySpan<int> label, StringBuilder output)
    {
        var basic = 0;
        foreach (var codePoint in label)
        {
            if (codePoint < InitialCodePoint)
            {
                output.Append((char)codePoint);
                basic++;
            }
        }

        if (basic > 0)
        {
            output.Append('-');
        }

        var (next, delta, bias) = (InitialCodePoint, 0L, InitialBias);
        for (var handled = basic; handled < label.Length; next++, delta++)
        {
            var smallest = int.MaxValue;
            foreach (var codePoint in label)
            {
                smallest = codePoint >= next ? Math.Min(smallest, codePoint) : smallest;
            }

            delta += (smallest - next) * (handled + 1L);
            next = smallest;
            foreach (var codePoint in label)
            {
                if (codePoint < next)
                {
                    delta++;
                }
                else if (codePoint == next)
                {
                    EncodeDelta(delta, bias, output);
                    bias = Adapt(delta, handled + 1, handled == basic);
                    delta = 0;
                    handled++;
                }
            }
        }
    }

    /// <summary>Decodes the text behind <c>xn--</c>: ASCII in lower case.</summary>
    /// <param name="label">The text.</param>
    /// <param name="output">Receives the code points.</param>
    /// <returns>Whether the text is Punycode of existing characters.</returns>
    public static bool TryDecode(ReadOnlySpan<int> label, List<int> output)
    {
        var basic = Math.Max(0, label.LastIndexOf('-'));
        output.AddRange(label[..basic]);
        var (next, place, bias) = ((long)InitialCodePoint, 0L, InitialBias);
        for (var read = basic > 0 ? basic + 1 : 0; read < label.Length; place++)
        {
            var (before, weight) = (place, 1L);
            for (var k = Base; ; k += Base)
            {
                if (read == label.Length || Digit(label[read++]) is not (>= 0 and var digit))
                {
                    return false;
                }

                place += digit * weight;
                if (place > int.MaxValue)
                {
                    return false;
                }

                var threshold = Threshold(k, bias);
                if (digit < threshold)
                {
                    break;
                }

                weight *= Base - threshold;
                if (weight > int.MaxValue)
                {
                    return false;
                }
            }

            var count = output.Count + 1;
            bias = Adapt(place - before, count, before == 0);
            next += place / count;
            place %= count;
            if (next > char.MaxValue + 0x100000L || next is >= 0xd800 and <= 0xdfff)
            {
                return false;
            }

            output.Insert((int)place, (int)next);
        }

        return true;
    }

    private static void EncodeDelta(long delta, int bias, StringBuilder output)
    {
        for (var k = Base; ; k += Base)
        {
            var threshold = Threshold(k, bias);
            if (delta < threshold)
            {
                output.Append(Letter((int)delta));
                return;
            }

            output.Append(Letter(threshold + (int)((delta - threshold) % (Base - threshold))));
            delta = (delta - threshold) / (Base - threshold);
        }
    }

    private static int Threshold(int k, int bias) => Math.Clamp(k - bias, Smallest, Largest);

    private static int Adapt(long delta, int count, bool isFirst)
    {
        delta = isFirst ? delta / Damp : delta / 2;
        delta += delta / count;
        var k = 0;
        while (delta > (Base - Smallest) * Largest / 2)
        {
            delta /= Base - Smallest;
            k += Base;
        }

        return k + (int)((Base - Smallest + 1) * delta / (delta + Skew));
    }

    private static char Letter(int digit) => (char)(digit < 26 ? 'a' + digit : '0' + digit - 26);

    private static int Digit(int letter) => letter switch
    {
        >= 'a' and <= 'z' => letter - 'a',
        >= '0' and <= '9' => letter - '0' + 26,
        _ => -1,
    };
}

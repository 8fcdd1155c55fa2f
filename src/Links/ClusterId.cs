using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Tracking.Links;

/// <summary>
/// A cluster (tenant): 24 random bits, 1 to 16,777,215. Its text form is five lower-case Crockford base32 digits. The
/// number is random and not counted, because a restored backup must never give one number to two tenants.
/// </summary>
/// <param name="Value">The number, 1 to <see cref="MaxValue"/>; 0 means no cluster.</param>
public readonly record struct ClusterId(int Value)
{
    /// <summary>The largest cluster number: a token has 24 bits for it.</summary>
    public const int MaxValue = (1 << 24) - 1;

    /// <summary>Digits of the text form.</summary>
    public const int TextLength = 5;

    private const string Digits = "0123456789abcdefghjkmnpqrstvwxyz";

    /// <summary>A new random cluster number. The database checks that it is unique.</summary>
    public static ClusterId NewRandom() => new(RandomNumberGenerator.GetInt32(1, MaxValue + 1));

    /// <summary>Reads the text form, in any case.</summary>
    /// <returns><see langword="false"/> when the text is not a cluster id.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, out ClusterId cluster)
    {
        cluster = default;
        if (text is not { Length: TextLength })
        {
            return false;
        }

        var value = 0;
        foreach (var c in text)
        {
            var digit = Digits.IndexOf(char.ToLowerInvariant(c), StringComparison.Ordinal);
            if (digit < 0)
            {
                return false;
            }

            value = (value << 5) | digit;
        }

        cluster = new ClusterId(value);
        return value is > 0 and <= MaxValue;
    }

    /// <summary>The text form.</summary>
    public override string ToString() => string.Create(TextLength, Value, static (span, value) =>
    {
        for (var i = TextLength - 1; i >= 0; i--)
        {
            span[i] = Digits[value & 31];
            value >>= 5;
        }
    });
}

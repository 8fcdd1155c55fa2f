using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Tracking.Links;

namespace Tracking.Webhooks;

/// <summary>The secret of an endpoint, as Standard Webhooks 1.0.0 has it: random bytes, written <c>whsec_</c> and
/// base64. Stored sealed under the master key and bound to its endpoint, so that rows cannot be swapped.</summary>
public static class WebhookSecret
{
    /// <summary>What it begins with when it is written.</summary>
    public const string Prefix = "whsec_";

    /// <summary>Bytes: the specification takes 24 to 64; this is the output of the hash that it keys.</summary>
    public const int Size = 32;

    /// <summary>A new one.</summary>
    public static byte[] Create() => RandomNumberGenerator.GetBytes(Size);

    /// <summary>As it is shown, once.</summary>
    public static string Write(ReadOnlySpan<byte> secret) => Prefix + Convert.ToBase64String(secret);

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static bool TryRead(string text, [NotNullWhen(true)] out byte[]? secret)
    {
        ArgumentNullException.ThrowIfNull(text);
        secret = null;
        var bytes = new byte[64];
        if (!text.StartsWith(Prefix, StringComparison.Ordinal)
            || !Convert.TryFromBase64String(text[Prefix.Length..], bytes, out var written)
            || written < 24)
        {
            return false;
        }

        secret = bytes[..written];
        return true;
    }

    /// <summary>Seals it for its endpoint's row.</summary>
    public static byte[] Seal(MasterKey key, Guid endpoint, ReadOnlySpan<byte> secret)
    {
        ArgumentNullException.ThrowIfNull(key);
        return key.Seal(secret, Purpose(endpoint));
    }

    /// <summary>Opens what <see cref="Seal"/> made.</summary>
    /// <returns><see langword="null"/> when it belongs to another endpoint or another master key.</returns>
    public static byte[]? Open(MasterKey key, Guid endpoint, ReadOnlySpan<byte> value)
    {
        ArgumentNullException.ThrowIfNull(key);
        return key.Open(value, Purpose(endpoint));
    }

    private static string Purpose(Guid endpoint) => $"webhooks.secrets/{endpoint:D}";
}

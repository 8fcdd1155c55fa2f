using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Tracking.Links;

namespace Tracking.Webhooks;

/// <summary>The secret of an endpoint (Standard Webhooks 1.0.0): random bytes, written as <c>whsec_</c> and base64. It
/// is stored sealed under the master key and bound to its endpoint, so that rows cannot be swapped.</summary>
public static class WebhookSecret
{
    /// <summary>The beginning of the written form.</summary>
    public const string Prefix = "whsec_";

    /// <summary>The length in bytes. The specification allows 24 to 64. This is the output length of the
    /// hash.</summary>
    public const int Size = 32;

    /// <summary>Makes a new secret.</summary>
    public static byte[] Create() => RandomNumberGenerator.GetBytes(Size);

    /// <summary>The written form, which is shown once.</summary>
    public static string Write(ReadOnlySpan<byte> secret) => Prefix + Convert.ToBase64String(secret);

    /// <summary>Reads the written form.</summary>
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

    /// <summary>Seals the secret for its endpoint's row.</summary>
    public static byte[] Seal(MasterKey key, Guid endpoint, ReadOnlySpan<byte> secret)
    {
        ArgumentNullException.ThrowIfNull(key);
        return key.Seal(secret, Purpose(endpoint));
    }

    /// <summary>Opens a sealed secret.</summary>
    /// <returns><see langword="null"/> when the bytes belong to another endpoint or were sealed under another master
    /// key.</returns>
    public static byte[]? Open(MasterKey key, Guid endpoint, ReadOnlySpan<byte> value)
    {
        ArgumentNullException.ThrowIfNull(key);
        return key.Open(value, Purpose(endpoint));
    }

    private static string Purpose(Guid endpoint) => $"webhooks.secrets/{endpoint:D}";
}

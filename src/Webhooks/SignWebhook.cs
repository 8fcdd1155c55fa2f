using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Tracking.Webhooks;

/// <summary>Signs a webhook according to Standard Webhooks 1.0.0: HMAC-SHA256 over <c>id.timestamp.body</c>.</summary>
public static class SignWebhook
{
    /// <summary>The header with the id, which stays the same over all attempts.</summary>
    public const string IdHeader = "webhook-id";

    /// <summary>The header with the time of the attempt, seconds since 1970.</summary>
    public const string TimestampHeader = "webhook-timestamp";

    /// <summary>The header with the signatures.</summary>
    public const string SignatureHeader = "webhook-signature";

    /// <summary>The value of <see cref="SignatureHeader"/>: one signature per secret, separated by spaces. So a
    /// receiver may have the old or the new secret during a change.</summary>
    /// <param name="id">The webhook's id, which contains no dot.</param>
    /// <param name="timestamp">The time of the attempt, seconds since 1970.</param>
    /// <param name="body">The body as it is sent.</param>
    /// <param name="secrets">One secret, or two during a change.</param>
    public static string Run(string id, long timestamp, ReadOnlySpan<byte> body, IEnumerable<byte[]> secrets)
    {
        ArgumentNullException.ThrowIfNull(secrets);
        byte[] signed =
            [.. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{id}.{timestamp}.")), .. body];
        List<string> signatures =
            [.. secrets.Select(secret => "v1," + Convert.ToBase64String(HMACSHA256.HashData(secret, signed)))];
        if (signatures.Count > 1)
        {
            // StandardWebhooks 1.1.2, the published verifier for .NET, ignores the last of several signatures.
            signatures.Add(signatures[^1]);
        }

        return string.Join(' ', signatures);
    }
}

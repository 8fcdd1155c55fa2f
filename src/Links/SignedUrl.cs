using System.Collections.Frozen;

namespace Tracking.Links;

/// <summary>
/// Recognises URLs whose server may refuse another query: it signs the whole URL, or takes a secret from it. A URL that
/// only looks like one loses statistics at most, a signed one with another query is a dead link.
/// </summary>
public static class SignedUrl
{
    /// <summary>The names of parameters that make a URL a signed one, in lower case.</summary>
    public static IReadOnlyCollection<string> Names => _names;

    /// <summary>The ends of names that do the same, in lower case: <c>X-Amz-Signature</c>,
    /// <c>reset_token</c>.</summary>
    public static IReadOnlyCollection<string> Ends => _ends;

    private static readonly FrozenSet<string> _names = new[]
    {
        // Amazon S3 and CloudFront, Google Cloud Storage, Azure (shared access signatures), Alibaba OSS, Tencent COS,
        // Akamai. X-Amz-Signature, X-Goog-Signature and the like are among the ends.
        "awsaccesskeyid", "key-pair-id", "googleaccessid", "sig", "ossaccesskeyid", "q-sign-algorithm", "hdnts",
        "hdnea", "__token__", "__gda__",
        // The same under names that many programs use.
        "sign", "hash", "digest", "checksum", "md5", "sha1", "sha256", "jwt", "jws", "auth", "apikey", "api_key",
        "api-key", "secret", "otp", "expires", "samlrequest", "samlresponse",
    }.ToFrozenSet();

    private static readonly string[] _ends =
        ["signature", "token", "hmac", "nonce", "_sig", "-sig", "_hash", "-hash", "_sign", "-sign", "_jwt", "-jwt"];

    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> _lookup =
        _names.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Whether a URL is signed, by the names of its parameters.</summary>
    /// <param name="url">A destination: printable ASCII.</param>
    public static bool IsSigned(ReadOnlySpan<byte> url)
    {
        var names = new QueryNames(url, stackalloc char[QueryNames.BufferLength]);
        while (names.MoveNext())
        {
            if (_lookup.Contains(names.Current))
            {
                return true;
            }

            foreach (var end in _ends)
            {
                if (names.Current.EndsWith(end, StringComparison.Ordinal))
                {
                    return true;
                }
            }
        }

        return false;
    }
}

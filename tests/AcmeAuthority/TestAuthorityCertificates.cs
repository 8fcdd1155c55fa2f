using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;

namespace Tracking.AcmeAuthority;

public sealed partial class TestAuthority
{
    private readonly List<Issued> _certificates = [];

    /// <summary>How many certificates were issued.</summary>
    public int Certificates => _certificates.Count;

    /// <summary>How many certificates were revoked, and the reason of the first.</summary>
    public int Revoked => _certificates.Count(issued => issued.RevokedFor is not null);

    public int? FirstRevocationReason => _certificates.Find(issued => issued.RevokedFor is not null)?.RevokedFor;

    /// <summary>Why the last certificate was revoked.</summary>
    public int? RevokedFor => _certificates[^1].RevokedFor;

    /// <summary>The bytes of the last certificate's chains as they are sent, one for each root.</summary>
    public IReadOnlyList<string> LastChains => _certificates[^1].Chains;

    private Answer Download(Account account, string[] path, VerifiedRequest request)
    {
        if (!request.IsGet)
        {
            throw RefusalException.Malformed("a certificate is fetched with an empty payload");
        }

        var issued = _certificates.Find(each => each.Id == path[0] && each.Account == account)
            ?? throw new RefusalException(404, "malformed", "no such certificate");
        var index = path.Length > 1 ? int.Parse(path[1], CultureInfo.InvariantCulture) : 0;
        return new Answer(200, issued.Chains[index])
        {
            ContentType = "application/pem-certificate-chain",
            Headers =
            [
                .. Enumerable.Range(0, issued.Chains.Length).Where(other => other != index).Select(other =>
                    ("Link", $"<{Origin}/certificate/{issued.Id}/{other}>;rel=\"alternate\"")),
            ],
        };
    }

    private Answer Revoke(Account account, VerifiedRequest request)
    {
        var der = Base64Url.DecodeFromChars((string?)request.Json["certificate"] ?? "");
        var issued = _certificates.Find(each => each.Leaf.AsSpan().SequenceEqual(der) && each.Account == account)
            ?? throw new RefusalException(403, "unauthorized", "not this account's certificate");
        if (issued.RevokedFor is not null)
        {
            throw new RefusalException(400, "alreadyRevoked", "Certificate already revoked");
        }

        // Let's Encrypt's subscribers may say these.
        var reason = (int?)request.Json["reason"] ?? 0;
        issued.RevokedFor = reason is 0 or 1 or 4 or 5
            ? reason
            : throw new RefusalException(400, "badRevocationReason", $"reason {reason} is not taken");
        return new Answer(200, null);
    }

    private Answer RenewalInfo(string id)
    {
        var issued = _certificates.Find(each => CertificateId(each) == id)
            ?? throw new RefusalException(404, "malformed", "Certificate not found");
        using var leaf = X509CertificateLoader.LoadCertificate(issued.Leaf);
        var end = new DateTimeOffset(leaf.NotAfter.ToUniversalTime());
        var window = RenewalWindow?.Invoke()
            ?? (end - (Lifetime / 3), end - (Lifetime / 3) + TimeSpan.FromDays(1));
        var json = new JsonObject
        {
            ["suggestedWindow"] = new JsonObject
            {
                ["start"] = Rfc3339(window.Item1),
                ["end"] = Rfc3339(window.Item2),
            },
        };
        if (RenewalExplanation is not null)
        {
            json["explanationURL"] = RenewalExplanation;
        }

        return new Answer(200, json) { Headers = [("Retry-After", "21600")] };
    }

    // Written apart from the client's, from the text of RFC 9773 §4.1.
    private static string CertificateId(Issued issued)
    {
        using var leaf = X509CertificateLoader.LoadCertificate(issued.Leaf);
        // SEQUENCE (30 len) { [0] (80 14) key identifier }
        var extension = leaf.Extensions["2.5.29.35"]!.RawData;
        return Base64Url.EncodeToString(extension.AsSpan(4, extension[3])) + "."
            + Base64Url.EncodeToString(Convert.FromHexString(leaf.SerialNumber));
    }
}

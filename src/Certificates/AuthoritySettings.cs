using System.Buffers.Text;
using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Tracking.Certificates;

/// <summary>A certificate authority: <c>Tracking__Certificates__Authorities__0__…</c>. The first authority is asked
/// first.</summary>
public sealed class AuthoritySettings : IValidatableObject
{
    // RFC 2104: a key shorter than the hash weakens it. Authorities give 32 bytes and more.
    private const int MinEabKey = 16;

    /// <summary>The URL of the ACME directory (RFC 8555 §7.1.1):
    /// <c>https://acme-v02.api.letsencrypt.org/directory</c>.</summary>
    public string Directory { get; set; } = "";

    /// <summary>A PEM file with the only roots that are trusted for the authority's own HTTPS. Not set: the system's
    /// roots.</summary>
    public string? RootCertificates { get; set; }

    /// <summary>Further origins (<c>https://host:port</c>) of the authority's URLs. Default none: requests go to the
    /// directory's origin only.</summary>
    public IList<string> OtherOrigins { get; } = [];

    /// <summary>The id of the key for external account binding (RFC 8555 §7.3.4), if the authority requires
    /// it.</summary>
    public string? EabKeyId { get; set; }

    /// <summary>The key for external account binding in base64url, from the authority.</summary>
    [DataType(DataType.Password)]
    public string? EabKey { get; set; }

    /// <summary>The ACME directory of the authority's test environment, from which <c>trackctl certificates test</c>
    /// orders certificates that are not used: <c>https://acme-staging-v02.api.letsencrypt.org/directory</c>. Not set: a
    /// test checks the name and orders nothing.</summary>
    public string? TestDirectory { get; set; }

    /// <summary>As <see cref="RootCertificates"/>, for the test environment.</summary>
    public string? TestRootCertificates { get; set; }

    /// <summary>The profile that is requested if the directory offers it; empty: none. Default <c>tlsserver</c>:
    /// certificates of Let's Encrypt without the parts that servers do not need (profiles, 14 July 2026).</summary>
    public string Profile { get; set; } = "tlsserver";

    /// <summary>The name of the root at which the chain must end, if the authority offers several chains. Not set: the
    /// authority's choice, which most clients trust. The shortest chain may end at a root that older phones do not
    /// know.</summary>
    public string? PreferredRoot { get; set; }

    /// <summary>The limit of orders of the account. The default is Let's Encrypt's (rate limits of 5 August
    /// 2026).</summary>
    public BucketSettings Orders { get; set; } = new(300, TimeSpan.FromSeconds(36));

    /// <summary>The limit of certificates for names under one registered domain. The default is Let's Encrypt's (5
    /// August 2026; counted over all accounts).</summary>
    public BucketSettings CertificatesPerDomain { get; set; } = new(50, TimeSpan.FromMinutes(202));

    /// <summary>The limit of certificates for exactly the same names. The default is Let's Encrypt's (5 August 2026; no
    /// exceptions are made).</summary>
    public BucketSettings CertificatesPerNames { get; set; } = new(5, TimeSpan.FromHours(34));

    /// <summary>The limit of failed authorizations of one name. The default is Let's Encrypt's (5 August
    /// 2026).</summary>
    public BucketSettings FailuresPerName { get; set; } = new(5, TimeSpan.FromMinutes(12));

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!IsHttps(Directory))
        {
            yield return Wrong(
                nameof(Directory), Directory.Length == 0 ? "missing" : $"got \"{Directory}\"", "an https:// URL");
        }

        if (!string.IsNullOrEmpty(TestDirectory)
            && (!IsHttps(TestDirectory) || string.Equals(TestDirectory, Directory, StringComparison.OrdinalIgnoreCase)))
        {
            yield return Wrong(
                nameof(TestDirectory), $"got \"{TestDirectory}\"", "an https:// URL other than that of Directory");
        }

        foreach (var origin in OtherOrigins.Where(origin => !IsHttps(origin) || new Uri(origin).PathAndQuery != "/"))
        {
            yield return Wrong(nameof(OtherOrigins), $"got \"{origin}\"", "https://host or https://host:port");
        }

        foreach (var (setting, file) in new[]
        {
            (nameof(RootCertificates), RootCertificates), (nameof(TestRootCertificates), TestRootCertificates),
        })
        {
            if (!string.IsNullOrEmpty(file) && RootsProblem(file) is { } problem)
            {
                yield return Wrong(setting, $"got \"{file}\" ({problem})", "a PEM file with certificates");
            }
        }

        if (string.IsNullOrEmpty(EabKeyId) != string.IsNullOrEmpty(EabKey))
        {
            yield return Wrong(
                string.IsNullOrEmpty(EabKey) ? nameof(EabKey) : nameof(EabKeyId), "missing",
                "what the authority gave together with the other of EabKeyId and EabKey");
        }
        else if (!string.IsNullOrEmpty(EabKey) && ReadEabKey() is not { Length: >= MinEabKey })
        {
            yield return Wrong(nameof(EabKey), "got ***", $"base64url of {MinEabKey} bytes or more");
        }
    }

    /// <summary>The key for external account binding; <see langword="null"/> when none is set or it is
    /// malformed.</summary>
    internal byte[]? ReadEabKey()
    {
        // Some authorities give the key as base64 with padding.
        var text = EabKey?.Trim().TrimEnd('=').Replace('+', '-').Replace('/', '_');
        return !string.IsNullOrEmpty(text) && Base64Url.IsValid(text) ? Base64Url.DecodeFromChars(text) : null;
    }

    /// <summary>The test environment as an authority; <see langword="null"/> when none is set.</summary>
    internal AuthoritySettings? ForTests() => string.IsNullOrEmpty(TestDirectory) ? null : new AuthoritySettings
    {
        Directory = TestDirectory,
        RootCertificates = TestRootCertificates,
        EabKeyId = EabKeyId,
        EabKey = EabKey,
        Profile = Profile,
    };

    private static bool IsHttps(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme == Uri.UriSchemeHttps && url.Host.Length > 0
        && url.UserInfo.Length == 0 && url.Fragment.Length == 0;

    private static string? RootsProblem(string file)
    {
        try
        {
            var roots = new X509Certificate2Collection();
            roots.ImportFromPemFile(file);
            foreach (var root in roots)
            {
                root.Dispose();
            }

            return roots.Count == 0 ? "there is none in it" : null;
        }
        catch (Exception exception) when (
            exception is IOException or UnauthorizedAccessException or CryptographicException)
        {
            return exception.Message.TrimEnd('.');
        }
    }

    private static ValidationResult Wrong(string setting, string got, string takes) =>
        new($"{got}, takes {takes}", [setting]);
}

/// <summary>A limit of an authority as a token bucket: a number of requests at once, and one more every
/// <see cref="Refill"/>.</summary>
public sealed class BucketSettings
{
    /// <summary>Makes an unlimited bucket, for the configuration binder.</summary>
    public BucketSettings()
    {
    }

    internal BucketSettings(int capacity, TimeSpan refill) => (Capacity, Refill) = (capacity, refill);

    /// <summary>The most requests at once; 0 to 100,000,000. With 0 nothing is allowed.</summary>
    [Range(0, 100_000_000)]
    public int Capacity { get; set; } = 100_000_000;

    /// <summary>The time after which one more request is allowed; 1 ms to 30 d.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "30.00:00:00")]
    public TimeSpan Refill { get; set; } = TimeSpan.FromMilliseconds(1);
}

using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Tracking.Tls.Certificates;

/// <summary>
/// A certificate that is prepared for handshakes once. Each connection that took it gives it back. Its handles are
/// freed when its last connection has ended and another certificate is served.
/// </summary>
internal sealed class ServedCertificate
{
    private static readonly List<SslApplicationProtocol> _http =
        [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11];

    private readonly X509Certificate2[] _others;
    private int _holders = 1;

    private ServedCertificate(CertificateFound found, X509Certificate2 own, X509Certificate2[] others)
    {
        Found = found;
        _others = others;
        NotBefore = own.NotBefore.ToUniversalTime();
        NotAfter = own.NotAfter.ToUniversalTime();
        IsSelfSigned = own.SubjectName.RawData.AsSpan().SequenceEqual(own.IssuerName.RawData);

        Context = CreateContext(own, others);
        Options = CreateOptions(Context, _http);
    }

    /// <summary>The certificate as it was found.</summary>
    public CertificateFound Found { get; }

    /// <summary>The options of its handshakes, which never change.</summary>
    public SslServerAuthenticationOptions Options { get; }

    /// <summary>The certificate with the chain that is sent.</summary>
    public SslStreamCertificateContext Context { get; }

    /// <summary>The beginning of its validity, UTC.</summary>
    public DateTime NotBefore { get; }

    /// <summary>The end of its validity, UTC.</summary>
    public DateTime NotAfter { get; }

    /// <summary>Whether the certificate is self-signed. Such a certificate is for trying out, and visitors are not
    /// redirected to it.</summary>
    public bool IsSelfSigned { get; }

    /// <summary>Whether the chain is sent exactly as it was found. A root at its end does not count, because a root is
    /// of no use to clients.</summary>
    public bool IsSentAsGiven
    {
        get
        {
            var given = _others.Select(certificate => certificate.RawData).ToList();
            if (_others is [.., var last] && last.SubjectName.RawData.AsSpan().SequenceEqual(last.IssuerName.RawData))
            {
                given.RemoveAt(given.Count - 1);
            }

            return Context.IntermediateCertificates.Select(certificate => certificate.RawData)
                .SequenceEqual(given, ByBytes.Instance);
        }
    }

    /// <summary>Prepares a certificate.</summary>
    /// <exception cref="CryptographicException">The certificate cannot be read, or the key does not belong to
    /// it.</exception>
    public static ServedCertificate Create(CertificateFound found)
    {
        var own = LoadOwn(found);
        X509Certificate2[] others = [];
        try
        {
            others = [.. found.Chain.Skip(1).Select(certificate => X509CertificateLoader.LoadCertificate(certificate))];
            return new ServedCertificate(found, own, others);
        }
        catch
        {
            Dispose(own, others, []);
            throw;
        }
    }

    /// <summary>The chain that is sent: this certificate and the others.</summary>
    /// <remarks>By default .NET looks for a chain of its own in the machine's store and sends that
    /// (dotnet/runtime#59906): where the store has the root of a cross-signed chain, the certificate that leads to the
    /// older root is left out, and clients that know only that one fail. Therefore the context gets its own trust with
    /// the end of the chain. An empty trust would be ignored.</remarks>
    public static SslStreamCertificateContext CreateContext(X509Certificate2 own, X509Certificate2[] others) =>
        SslStreamCertificateContext.Create(
            own, [.. others], offline: true, SslCertificateTrust.CreateForX509Collection([others is [.., var last]
                ? last
                : own]));

    /// <summary>The options of a handshake.</summary>
    /// <remarks>No <c>CipherSuitesPolicy</c>: with one, .NET makes each handshake a full one (dotnet/runtime, "Interop.
    /// OpenSsl.cs", allows no cached context then). The suites are OpenSSL's own.</remarks>
    public static SslServerAuthenticationOptions CreateOptions(
        SslStreamCertificateContext context, List<SslApplicationProtocol> protocols) => new()
        {
            ServerCertificateContext = context,
            ApplicationProtocols = protocols,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            AllowRenegotiation = false,
            ClientCertificateRequired = false,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        };

    /// <summary>Takes the certificate for a connection.</summary>
    /// <returns><see langword="false"/> if the certificate has been replaced and freed. Then the caller looks
    /// again.</returns>
    public bool TryTake()
    {
        for (var holders = Volatile.Read(ref _holders); holders > 0;)
        {
            var seen = Interlocked.CompareExchange(ref _holders, holders + 1, holders);
            if (seen == holders)
            {
                return true;
            }

            holders = seen;
        }

        return false;
    }

    /// <summary>Gives the certificate back, for a connection or for the memory of served certificates.</summary>
    public void GiveBack()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
        {
            Dispose(Context.TargetCertificate, _others, Context.IntermediateCertificates);
        }
    }

    private static X509Certificate2 LoadOwn(CertificateFound found)
    {
        using var bare = X509CertificateLoader.LoadCertificate(found.Chain[0]);
        using var elliptic = bare.GetECDsaPublicKey();
        try
        {
            if (elliptic is not null)
            {
                using var key = ECDsa.Create();
                key.ImportPkcs8PrivateKey(found.PrivateKey, out _);
                return bare.CopyWithPrivateKey(key);
            }

            using var rsa = RSA.Create();
            rsa.ImportPkcs8PrivateKey(found.PrivateKey, out _);
            return bare.CopyWithPrivateKey(rsa);
        }
        catch (ArgumentException other)
        {
            throw new CryptographicException("The key belongs to another certificate.", other);
        }
    }

    private static void Dispose(
        X509Certificate2 own, IEnumerable<X509Certificate2> others, IEnumerable<X509Certificate2> sent)
    {
        own.Dispose();
        foreach (var certificate in others.Concat(sent))
        {
            certificate.Dispose();
        }
    }

    private sealed class ByBytes : IEqualityComparer<byte[]>
    {
        public static readonly ByBytes Instance = new();

        public bool Equals(byte[]? left, byte[]? right) => left.AsSpan().SequenceEqual(right);

        public int GetHashCode(byte[] bytes) => bytes.Length;
    }
}

using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Tracking.Tls.Certificates;

/// <summary>
/// A certificate made ready for handshakes, once for all of them. It is given back by each connection that took it, and
/// its handles are freed when its last connection has ended and it is no longer the one that is served.
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

    /// <summary>What it was made from.</summary>
    public CertificateFound Found { get; }

    /// <summary>The options of its handshakes, never changed.</summary>
    public SslServerAuthenticationOptions Options { get; }

    /// <summary>The certificate and what is sent with it.</summary>
    public SslStreamCertificateContext Context { get; }

    /// <summary>When it begins to be valid, UTC.</summary>
    public DateTime NotBefore { get; }

    /// <summary>When it stops being valid, UTC.</summary>
    public DateTime NotAfter { get; }

    /// <summary>Whether it vouches for itself: good for trying, nothing that visitors are sent to.</summary>
    public bool IsSelfSigned { get; }

    /// <summary>Whether exactly what was given is sent, a root at its end apart, which every client has or does not
    /// trust.</summary>
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

    /// <summary>Makes a certificate ready.</summary>
    /// <exception cref="CryptographicException">It cannot be read, or the key is not its own.</exception>
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

    /// <summary>What is sent: this certificate and the others.</summary>
    /// <remarks>By default .NET looks for a chain of its own in the machine's store and sends that
    /// (dotnet/runtime#59906): where the store has the root of a cross-signed chain, the certificate that leads to the
    /// older root is left out, and clients that know only that one fail. So it is given a trust of its own, which holds
    /// the end of the chain: an empty one counts as none.</remarks>
    public static SslStreamCertificateContext CreateContext(X509Certificate2 own, X509Certificate2[] others) =>
        SslStreamCertificateContext.Create(
            own, [.. others], offline: true, SslCertificateTrust.CreateForX509Collection([others is [.., var last]
                ? last
                : own]));

    /// <summary>The options of a handshake: what is allowed, and what is not.</summary>
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

    /// <summary>Takes it for a connection.</summary>
    /// <returns><see langword="false"/> when it has been replaced and freed: look again.</returns>
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

    /// <summary>Gives it back: what a connection took, or the place among those that are served.</summary>
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

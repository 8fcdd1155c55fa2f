using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.SmtpFilter.Sessions;

/// <summary>The certificate for STARTTLS. A renewed file is read at the next connection.</summary>
internal sealed class ReadCertificate(SmtpFilterOptions options)
{
    private readonly Lock _lock = new();
    private SslStreamCertificateContext? _context;
    private DateTime _written;

    /// <summary>Whether there is one.</summary>
    public bool Exists => !string.IsNullOrEmpty(options.CertificateFile);

    /// <summary>Reads the certificate if it is new.</summary>
    /// <exception cref="StartUpException">The file cannot be read, and no earlier one was.</exception>
    public SslStreamCertificateContext Current()
    {
        lock (_lock)
        {
            try
            {
                var written = File.GetLastWriteTimeUtc(options.CertificateFile!);
                if (_context is null || written != _written)
                {
                    _context = Read();
                    _written = written;
                }
            }
            catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException or CryptographicException)
            {
                // A file that is being replaced: the earlier certificate serves until the next connection.
                if (_context is null)
                {
                    throw new StartUpException(
                        $"Tracking__SmtpFilter__CertificateFile: {options.CertificateFile} cannot be read: "
                        + $"{wrong.Message}");
                }
            }

            return _context!;
        }
    }

    private SslStreamCertificateContext Read()
    {
        var keyFile = string.IsNullOrEmpty(options.CertificateKeyFile)
            ? options.CertificateFile
            : options.CertificateKeyFile;
        using var own = X509Certificate2.CreateFromPemFile(options.CertificateFile!, keyFile);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(options.CertificateFile!);
        return SslStreamCertificateContext.Create(
            X509CertificateLoader.LoadPkcs12(own.Export(X509ContentType.Pkcs12), null), chain, offline: true);
    }
}

using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Links;
using Tracking.ServiceDefaults.Hosting;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Tls.Certificates;

/// <summary>The operator's own certificates from files: a wildcard for the zone, or a certificate that another program
/// renews. If a changed file cannot be read, the earlier certificate stays in use.</summary>
internal sealed partial class FileCertificates(
    IOptions<TlsOptions> options, TimeProvider time, ILogger<FileCertificates> logger)
    : BackgroundService, ICertificateSource
{
    private readonly TlsOptions _options = options.Value;
    private volatile FrozenDictionary<string, CertificateFound> _byName =
        FrozenDictionary<string, CertificateFound>.Empty;

    private string _stamp = "";

    /// <summary>Called when the certificates have changed.</summary>
    public Action? Changed { get; set; }

    /// <inheritdoc/>
    public ValueTask<CertificateFound?> FindAsync(HostName name, CancellationToken cancellationToken)
    {
        var dot = name.Value.IndexOf('.', StringComparison.Ordinal);
        return ValueTask.FromResult(
            _byName.GetValueOrDefault(name.Value)
            ?? (dot < 0 ? null : _byName.GetValueOrDefault(string.Concat("*", name.Value.AsSpan(dot)))));
    }

    /// <inheritdoc/>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            _stamp = Stamp();
            _byName = Read();
        }
        catch (Exception exception) when (IsOfFile(exception))
        {
            throw new StartUpException(
                $"{CheckedOptions.Root}__{TlsOptions.Section}__{nameof(TlsOptions.Files)}: {exception.Message}");
        }

        return _options.Files.Count == 0 ? Task.CompletedTask : base.StartAsync(cancellationToken);
    }

    /// <summary>Reads the files again if one of them has changed.</summary>
    internal void Refresh()
    {
        try
        {
            var stamp = Stamp();
            if (stamp == _stamp)
            {
                return;
            }

            // Certificate and key are two files, and only one of them may be new yet. The next call tries again.
            _byName = Read();
            _stamp = stamp;
            LogRead(_byName.Count);
            Changed?.Invoke();
        }
        catch (Exception exception) when (IsOfFile(exception))
        {
            LogNotRead(exception.Message);
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(_options.FilesInterval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                Refresh();
            }
        }
        catch (OperationCanceledException)
        {
            // The process stops.
        }
    }

    private static bool IsOfFile(Exception exception) => exception is IOException or UnauthorizedAccessException
        or CryptographicException or ArgumentException or FormatException;

    private string Stamp() => string.Join('|', _options.Files
        .SelectMany(file => new[] { file.Certificate, file.Key })
        .OfType<string>()
        .Select(path => new FileInfo(path))
        .Select(file => (file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo) ?? file)
        .Select(file => $"{file.FullName} {file.LastWriteTimeUtc.Ticks} {(file.Exists ? file.Length : -1)}"));

    private FrozenDictionary<string, CertificateFound> Read()
    {
        var byName = new Dictionary<string, CertificateFound>(StringComparer.Ordinal);
        foreach (var file in _options.Files)
        {
            var chain = File.ReadAllText(file.Certificate);
            var key = file.Key is { Length: > 0 } path ? File.ReadAllText(path) : chain;
            CertificateFound found;
            try
            {
                found = CertificateFound.FromPem("", chain, key);
            }
            catch (Exception exception) when (exception is CryptographicException or ArgumentException)
            {
                throw new CryptographicException($"{file.Certificate}: {exception.Message}", exception);
            }

            foreach (var name in NamesOf(found.Chain[0]))
            {
                // For each name the first file wins.
                byName.TryAdd(name, new CertificateFound
                {
                    Name = name,
                    Chain = found.Chain,
                    PrivateKey = found.PrivateKey,
                    IsLocal = true,
                });
            }
        }

        return byName.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static IEnumerable<string> NamesOf(byte[] certificate)
    {
        using var read = X509CertificateLoader.LoadCertificate(certificate);
        foreach (var name in read.Extensions.OfType<X509SubjectAlternativeNameExtension>()
            .SelectMany(extension => extension.EnumerateDnsNames()).ToList())
        {
            var isWildcard = name.StartsWith("*.", StringComparison.Ordinal);
            if (HostName.TryParse(isWildcard ? name[2..] : name, out var host))
            {
                yield return isWildcard ? $"*.{host}" : host.Value;
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Certificates for {Count} names were read from files")]
    private partial void LogRead(int count);

    [LoggerMessage(Level = LogLevel.Error, Message =
        "Certificate files have changed and cannot be read: {Reason} The earlier certificates are served")]
    private partial void LogNotRead(string reason);
}

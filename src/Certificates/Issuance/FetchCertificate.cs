using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tracking.Certificates.Accounts;
using Tracking.Certificates.Acme;
using Tracking.Tls.Stored;

namespace Tracking.Certificates.Issuance;

/// <summary>Fetches the certificate of a finished order, checks it, and puts it into use.</summary>
internal sealed partial class FetchCertificate(
    StoreOrder store,
    KeepCertificate keep,
    TellGateways tell,
    EndAttempt end,
    MasterKeys masterKeys,
    TimeProvider time,
    ILogger<FetchCertificate> logger)
{
    /// <summary>Fetches the certificate.</summary>
    public async Task<IssueOutcome> RunAsync(
        LeasedName name,
        OpenAuthority authority,
        OrderUnderWay order,
        AcmeOrder placed,
        CancellationToken cancellationToken)
    {
        if (!(await authority.Client.DownloadAsync(authority.Account, placed.Certificate!, cancellationToken))
            .Succeeded(out var downloaded, out var problem))
        {
            return EndAttempt.IsTransient(problem) || problem.Status == StatusCodes.Status404NotFound
                ? await end.LaterAsync(name, order, IssuanceStep.Download, problem, cancellationToken)
                : await FailAsync(problem);
        }

        if (order.SealedKey is null || SealedKey.Open(masterKeys, order.Id, order.SealedKey) is not { } pkcs8)
        {
            return await FailAsync(new AcmeProblem(
                AcmeProblemType.BadPublicKey, "The key of this certificate is missing; another one is ordered."));
        }

        byte[] publicKey;
        try
        {
            using var key = CertificateKey.FromPkcs8(pkcs8);
            publicKey = key.ExportPublicKey();
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pkcs8);
        }

        if (CheckCertificate.Refusal(downloaded.Chain, publicKey, [name.Host], time.GetUtcNow()) is { } refusal)
        {
            return await FailAsync(new AcmeProblem(AcmeProblemType.NotAcme, refusal.Reason));
        }

        using var certificate = X509CertificateLoader.LoadCertificate(downloaded.Chain.Certificates[0]);
        var made = new NewCertificate(
            order.Id,
            order.Directory,
            CertificateId.Of(downloaded.Chain.Certificates[0]),
            downloaded.Chain.ToPem(),
            order.SealedKey,
            certificate.NotBefore.ToUniversalTime(),
            certificate.NotAfter.ToUniversalTime());
        var isUsed = await keep.RunAsync(name, made, cancellationToken);
        await store.AddAttemptAsync(name, order.Directory, IssuanceStep.Stored, null, null, cancellationToken);
        LogIssued(name.Host, order.Directory, made.NotAfter);
        if (!isUsed)
        {
            return IssueOutcome.LeaseLost;
        }

        tell.OfCertificate(name, made.NotAfter);
        return IssueOutcome.Issued;

        Task<IssueOutcome> FailAsync(AcmeProblem problem) =>
            end.FailAsync(name, order, IssuanceStep.Download, problem, cancellationToken);
    }

    [LoggerMessage(LogLevel.Information, "{Host} has a certificate of {Authority}, valid until {NotAfter:u}")]
    private partial void LogIssued(Links.HostName host, string authority, DateTimeOffset notAfter);
}

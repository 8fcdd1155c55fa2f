using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace Tracking.DomainVerifier.Notices;

/// <summary>The result of handing over a mail.</summary>
internal enum MailOutcome
{
    /// <summary>The server has accepted the mail.</summary>
    Sent,

    /// <summary>The server refuses this mail or this recipient for good.</summary>
    Refused,

    /// <summary>The mail is tried again later: the server cannot be reached, refuses our login, or asks to
    /// wait.</summary>
    Failed,
}

/// <summary>
/// The connection to the mail server for one round of notices. After a failed connection the rest of the round fails at
/// once, so a dead server costs one time-out.
/// </summary>
internal sealed partial class SmtpConnection : IAsyncDisposable
{
    // The longest wait for the answer to QUIT. The server has the mail already.
    private static readonly TimeSpan _longestGoodbye = TimeSpan.FromSeconds(2);

    private readonly SmtpAddress _server;
    private readonly ILogger _logger;
    private readonly SmtpClient _client;
    private string? _isAway;

    /// <summary>Creates the object. The connection is made with the first mail.</summary>
    public SmtpConnection(SmtpAddress server, NoticeOptions options, ILogger logger)
    {
        (_server, _logger) = (server, logger);
        _client = new SmtpClient
        {
            Timeout = (int)options.SmtpTimeout.TotalMilliseconds,
            // Revocation is not checked. Revocation lists come from the internet, which this machine may not reach, and
            // authorities have ended OCSP.
            CheckCertificateRevocation = false,
        };
        if (options.RootCertificates is { Length: > 0 } roots)
        {
            _client.ServerCertificateValidationCallback = (_, certificate, chain, errors) =>
                errors == SslPolicyErrors.None || IsTrusted(certificate, chain, errors, roots);
        }
    }

    /// <summary>Hands a mail over.</summary>
    /// <returns>The result and the reason. The reason never contains our password.</returns>
    public async Task<(MailOutcome Outcome, string? Reason)> SendAsync(
        MimeMessage message, CancellationToken cancellationToken)
    {
        if (_isAway is not null)
        {
            return (MailOutcome.Failed, _isAway);
        }

        try
        {
            if (!_client.IsConnected)
            {
                await ConnectAsync(cancellationToken);
            }

            await _client.SendAsync(message, cancellationToken);
            return (MailOutcome.Sent, null);
        }
        catch (SmtpCommandException refused) when (IsForGood(refused))
        {
            return (MailOutcome.Refused, $"{(int)refused.StatusCode} {refused.Message}");
        }
        catch (SmtpCommandException refused)
        {
            return (MailOutcome.Failed, $"{(int)refused.StatusCode} {refused.Message}");
        }
        catch (NotSupportedException exception)
        {
            // The address needs SMTPUTF8, and the server does not support it.
            return (MailOutcome.Refused, exception.Message);
        }
        catch (Exception exception) when (IsAway(exception, cancellationToken))
        {
            _isAway = $"{_server}: {exception.Message}";
            return (MailOutcome.Failed, _isAway);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_client.IsConnected)
        {
            using var limit = new CancellationTokenSource(_longestGoodbye);
            try
            {
                await _client.DisconnectAsync(quit: true, limit.Token);
            }
            catch (Exception exception) when (IsAway(exception, CancellationToken.None))
            {
                // The server has the mails that it accepted.
            }
        }

        _client.Dispose();
    }

    private async Task ConnectAsync(CancellationToken cancellationToken)
    {
        await _client.ConnectAsync(
            _server.Host,
            _server.Port,
            _server.IsTls ? SecureSocketOptions.SslOnConnect : SecureSocketOptions.StartTlsWhenAvailable,
            cancellationToken);
        if (_server.User is { } user)
        {
            if (!_client.IsSecure)
            {
                LogPlainPassword(_server);
            }

            await _client.AuthenticateAsync(user, _server.Password!, cancellationToken);
        }
    }

    // A refused sender is not final, because the operator can correct the setting.
    private static bool IsForGood(SmtpCommandException refused) =>
        (int)refused.StatusCode >= 500
        && refused.ErrorCode is SmtpErrorCode.RecipientNotAccepted or SmtpErrorCode.MessageNotAccepted;

    private static bool IsAway(Exception exception, CancellationToken cancellationToken) => exception switch
    {
        OperationCanceledException => !cancellationToken.IsCancellationRequested,
        SocketException or IOException or TimeoutException or ProtocolException or AuthenticationException
            or SslHandshakeException or ServiceNotConnectedException or ServiceNotAuthenticatedException => true,
        _ => false,
    };

    // The file replaces the machine's roots. The certificate's name must still match.
    private static bool IsTrusted(
        X509Certificate? certificate, X509Chain? sent, SslPolicyErrors errors, string roots)
    {
        if (certificate is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
        {
            return false;
        }

        var trusted = new X509Certificate2Collection();
        trusted.ImportFromPemFile(roots);
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(trusted);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        foreach (var element in sent?.ChainElements ?? Enumerable.Empty<X509ChainElement>())
        {
            chain.ChainPolicy.ExtraStore.Add(element.Certificate);
        }

        using var own = X509CertificateLoader.LoadCertificate(certificate.Export(X509ContentType.Cert));
        return chain.Build(own);
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "The mail server {Server} offers no TLS. The password is sent in clear text")]
    private partial void LogPlainPassword(SmtpAddress server);
}

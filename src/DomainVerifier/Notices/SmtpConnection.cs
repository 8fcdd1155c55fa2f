using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace Tracking.DomainVerifier.Notices;

/// <summary>How handing a mail over ended.</summary>
internal enum MailOutcome
{
    /// <summary>The server has it.</summary>
    Sent,

    /// <summary>The server refuses this mail or this recipient for good.</summary>
    Refused,

    /// <summary>Not now: the server cannot be reached, lets us not in, or asks for patience.</summary>
    Failed,
}

/// <summary>
/// A connection to the mail server for the notices of one round. Once the server could not be reached the rest of the
/// round fails without trying: a dead server costs one time-out.
/// </summary>
internal sealed partial class SmtpConnection : IAsyncDisposable
{
    // Leaving politely is worth this much: the mail is with the server.
    private static readonly TimeSpan _longestGoodbye = TimeSpan.FromSeconds(2);

    private readonly SmtpAddress _server;
    private readonly ILogger _logger;
    private readonly SmtpClient _client;
    private string? _isAway;

    /// <summary>Connects to nothing yet.</summary>
    public SmtpConnection(SmtpAddress server, NoticeOptions options, ILogger logger)
    {
        (_server, _logger) = (server, logger);
        _client = new SmtpClient
        {
            Timeout = (int)options.SmtpTimeout.TotalMilliseconds,
            // Lists of revoked certificates come from the internet, which a mail server's neighbour need not reach, and
            // authorities no longer answer for single ones.
            CheckCertificateRevocation = false,
        };
        if (options.RootCertificates is { Length: > 0 } roots)
        {
            _client.ServerCertificateValidationCallback = (_, certificate, chain, errors) =>
                errors == SslPolicyErrors.None || IsTrusted(certificate, chain, errors, roots);
        }
    }

    /// <summary>Hands a mail over.</summary>
    /// <returns>How it ended, and why; what the server said never holds our password.</returns>
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
            // An address that needs SMTPUTF8, and a server that has not got it.
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
                // It has what it took.
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

    // Of the sender no: that is the installation's own setting, which somebody will put right.
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

    // The file stands for the machine's roots; the name must fit all the same.
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
        Message = "The mail server {Server} offers no TLS: the password goes to it in clear")]
    private partial void LogPlainPassword(SmtpAddress server);
}

using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.Extensions.Options;
using Tracking.Dns;
using Tracking.Links;

namespace Tracking.Certificates.Renewal;

/// <summary>
/// Requests <c>/</c> from the operator's own hosts over TLS, with addresses from DNS, as any visitor does. Links of
/// customers without a tracking domain are on the system host, and the stored certificates do not show what a proxy in
/// front of the host answers. A failure is reported by a metric and in the log, and changes nothing else.
/// </summary>
internal sealed partial class ProbeOwnHosts(
    AskResolver resolver,
    OwnHosts own,
    CertificateTelemetry telemetry,
    IOptions<CertificateOptions> options,
    TimeProvider time,
    ILogger<ProbeOwnHosts> logger) : BackgroundService
{
    // A failed request is repeated soon, so that one cut connection raises no alarm.
    private static readonly TimeSpan _again = TimeSpan.FromMinutes(5);

    // One question for each address family, repeated at the other resolvers.
    private const int MaxQueries = 16;
    private const int StatusLine = 12;

    /// <summary>Requests all hosts.</summary>
    /// <returns>The hosts that did not answer, with the reasons.</returns>
    public async Task<IReadOnlyList<(string Host, string Why)>> RunAsync(CancellationToken cancellationToken)
    {
        var failed = new List<(string, string)>();
        foreach (var name in own.Names)
        {
            if (HostName.TryParse(name, out var host) && await WhyNotAsync(host, cancellationToken) is { } why)
            {
                failed.Add((name, why));
                LogFailed(name, why);
            }
        }

        telemetry.Unreached(failed.Count);
        return failed;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // The first certificate comes within seconds, so the first request waits longer than that.
        var pause = _again;
        while (own.Names.Count > 0 && !stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stoppingToken.IsCancellationRequested)
            {
                return;
            }

            try
            {
                pause = (await RunAsync(stoppingToken)).Count > 0 && _again < options.Value.ProbeInterval
                    ? _again : options.Value.ProbeInterval;
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private async Task<string?> WhyNotAsync(HostName host, CancellationToken cancellationToken)
    {
        var found = await resolver.AddressesAsync(DnsName.From(host), new QueryBudget(MaxQueries), cancellationToken);
        if (found.Addresses.Count == 0)
        {
            // A resolver that does not answer says nothing about the host.
            return found.IsCertain ? "it has no address" : null;
        }

        foreach (var address in found.Addresses)
        {
            if (await WhyNotAsync(host, address, cancellationToken) is { } why)
            {
                return $"{address}: {why}";
            }
        }

        return null;
    }

    private async Task<string?> WhyNotAsync(HostName host, IPAddress address, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.Value.CheckTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        string? refused = null;
        try
        {
            await socket.ConnectAsync(address, options.Value.TlsPort, either.Token);
            await using var tls = new SslStream(new NetworkStream(socket));
            await tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = host.Value,
                    RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                        (refused = Refusal(certificate as X509Certificate2, host)) is null,
                },
                either.Token);
            await tls.WriteAsync(
                Encoding.ASCII.GetBytes($"GET / HTTP/1.1\r\nHost: {host.Value}\r\nConnection: close\r\n\r\n"), either.Token);
            var answer = new byte[StatusLine];
            var read = await tls.ReadAtLeastAsync(answer, answer.Length, throwOnEndOfStream: false, either.Token);
            var line = Encoding.ASCII.GetString(answer, 0, read);
            return read == StatusLine && line.StartsWith("HTTP/1.", StringComparison.Ordinal)
                && line[9] is >= '2' and < '5'
                ? null : $"it answers \"{new string([.. line.Where(sign => sign is >= ' ' and <= '~')])}\"";
        }
        catch (AuthenticationException exception)
        {
            return refused ?? exception.Message;
        }
        catch (Exception exception) when (exception is SocketException or IOException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return exception is OperationCanceledException ? "it does not answer in time" : exception.Message;
        }
    }

    // The issuer is not checked: the operator may use a private authority that this machine does not trust.
    private string? Refusal(X509Certificate2? certificate, HostName host) =>
        certificate is null ? "it has no certificate"
        : !certificate.MatchesHostname(host.Value) ? "its certificate is for another name"
        : certificate.NotAfter.ToUniversalTime() < time.GetUtcNow() ? "its certificate has expired"
        : null;

    [LoggerMessage(LogLevel.Error, "{Host} does not answer a visitor's request over TLS: {Why}")]
    private partial void LogFailed(string host, string why);
}

using System.Net.Security;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Links;
using Tracking.Tls.Certificates;
using Tracking.Tls.Challenges;

namespace Tracking.Tls.Connections;

/// <summary>
/// Chooses the certificate of a connection: that of the requested name, that of the system host for clients without a
/// name, or a challenge certificate. The certificate is held until the connection ends. Without a certificate the
/// client gets an alert before the handshake.
/// </summary>
internal sealed class ChooseCertificate(
    SelectCertificate certificates,
    IOptions<SystemOptions> system,
    TlsMeters meters,
    IChallengeCertificates? challenges = null)
{
    private static readonly List<SslApplicationProtocol> _challengeProtocol = [new(ClientHello.ChallengeProtocol)];

    private readonly HostName _unnamed = HostName.TryParse(system.Value.SystemHost, out var host) ? host : default;

    /// <summary>Chooses the certificate and continues with the handshake.</summary>
    public Task ChooseAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var hello = connection.Features.Get<ClientHello>()
            ?? throw new InvalidOperationException("The ClientHello is read first.");
        if (hello.Form == ServerNameForm.Invalid)
        {
            return RefuseAsync(connection, TlsRefusal.InvalidName, AlertDescription.UnrecognizedName);
        }

        return hello.IsChallenge
            ? AnswerChallengeAsync(connection, hello, next)
            : ServeAsync(connection, hello.Form == ServerNameForm.Name ? hello.Name : _unnamed, next);
    }

    /// <summary>The options of the handshake, for Kestrel.</summary>
    public static SslServerAuthenticationOptions OptionsOf(TlsHandshakeCallbackContext handshake) =>
        handshake.Connection.Features.Get<Chosen>()?.Options
            ?? throw new InvalidOperationException("The certificate is chosen first.");

    /// <summary>Closes a challenge connection after the handshake, which contains the answer (RFC 8737 3). Otherwise
    /// Kestrel would read further bytes as HTTP/1.1.</summary>
    public static Task GoOnAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        HandshakeDeadline.Met(connection);
        return connection.Features.Get<Chosen>() is { IsChallenge: true } ? Task.CompletedTask : next(connection);
    }

    private async Task ServeAsync(ConnectionContext connection, HostName name, ConnectionDelegate next)
    {
        var (outcome, certificate) = await certificates.FindAsync(name, connection.ConnectionClosed);
        if (outcome != SelectOutcome.Found)
        {
            await (outcome == SelectOutcome.Unknown
                ? RefuseAsync(connection, TlsRefusal.UnknownName, AlertDescription.UnrecognizedName)
                : RefuseAsync(connection, TlsRefusal.Unavailable, AlertDescription.InternalError));
            return;
        }

        try
        {
            connection.Features.Set(new Chosen(certificate!.Options, IsChallenge: false));
            connection.Features.Set(certificate);
            await next(connection);
        }
        finally
        {
            certificate!.GiveBack();
        }
    }

    private async Task AnswerChallengeAsync(ConnectionContext connection, ClientHello hello, ConnectionDelegate next)
    {
        using var certificate = hello.Form == ServerNameForm.Name && challenges is not null
            ? await challenges.FindAsync(hello.Name, connection.ConnectionClosed)
            : null;
        if (certificate is null)
        {
            await RefuseAsync(connection, TlsRefusal.NoChallenge, AlertDescription.NoApplicationProtocol);
            return;
        }

        meters.Challenges.Add(1, new KeyValuePair<string, object?>("type", "tls-alpn-01"));
        var options = ServedCertificate.CreateOptions(
            ServedCertificate.CreateContext(certificate, others: []), _challengeProtocol);
        // Authorities do not resume sessions, and .NET would keep a context for resumption.
        options.AllowTlsResume = false;
        connection.Features.Set(new Chosen(options, IsChallenge: true));
        await next(connection);
    }

    private Task RefuseAsync(ConnectionContext connection, TlsRefusal reason, AlertDescription alert)
    {
        meters.Refuse(reason);
        return SendAlert.RefuseAsync(connection, alert);
    }

    private sealed record Chosen(SslServerAuthenticationOptions Options, bool IsChallenge);
}

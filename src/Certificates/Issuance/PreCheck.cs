using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using Tracking.Certificates.Acme;
using Tracking.Dns;
using Tracking.Links;

namespace Tracking.Certificates.Issuance;

/// <summary>The result of our own check of a name.</summary>
/// <param name="Problem">Why the authority's check would fail; <see langword="null"/> if it would succeed.</param>
/// <param name="Type">The challenge type to use.</param>
internal sealed record LookedAt(AcmeProblem? Problem, ChallengeType Type)
{
    /// <summary>Whether the check had a result. It has none while our own resolver is unavailable, and then the order
    /// is placed anyway.</summary>
    public bool IsKnown { get; init; } = true;

    /// <summary>See <see cref="AddressesOfName.FreshAlias"/>.</summary>
    public DnsName? FreshAlias { get; init; }
}

/// <summary>
/// Checks a name as an authority will, before an attempt counts there. It requests a made-up challenge on port 80 of
/// every address of the name. Every gateway answers any token with the account's thumbprint. So the right answer proves
/// that the name points to us, that port 80 is open, and that no proxy redirects or drops challenges.
/// </summary>
internal sealed class PreCheck(
    FindFreshAddresses addresses, AddressGuard guard, IOptions<CertificateOptions> options, TimeProvider time)
{
    // Enough for the token, the thumbprint of a P-256 key, and bytes that editors and proxies add.
    private const int MaxAnswer = 4096;

    /// <summary>Checks a name.</summary>
    public async Task<LookedAt> RunAsync(HostName host, CancellationToken cancellationToken)
    {
        // An order begins as soon as a name is verified. At that time our resolver may still have cached that the name
        // does not exist.
        var found = await addresses.RunAsync(DnsName.From(host), cancellationToken);
        return await LookAsync(host, found, cancellationToken) with { FreshAlias = found.FreshAlias };
    }

    private async Task<LookedAt> LookAsync(
        HostName host, AddressesOfName found, CancellationToken cancellationToken)
    {
        if (found.Addresses.Count == 0)
        {
            return found.IsCertain
                ? Bad(AcmeProblemType.Dns, $"{host} has no address: the zone of the verification target has to answer "
                    + "with the gateways' addresses.")
                : new LookedAt(null, ChallengeType.Http01) { IsKnown = false };
        }

        var token = Token();
        foreach (var address in found.Addresses)
        {
            if (!guard.Allows(address))
            {
                return Bad(
                    AcmeProblemType.Dns,
                    $"{host} leads to {address}, which is no public address: no certificate authority reaches it.");
            }

            var problem = await AskAsync(host, address, token, cancellationToken);
            if (problem is { Type: AcmeProblemType.Connection }
                && await IsOpenAsync(address, options.Value.TlsPort, cancellationToken))
            {
                return new LookedAt(null, ChallengeType.TlsAlpn01);
            }

            if (problem is not null)
            {
                return new LookedAt(problem, ChallengeType.Http01);
            }
        }

        return new LookedAt(null, ChallengeType.Http01);
    }

    private async Task<AcmeProblem?> AskAsync(
        HostName host, IPAddress address, string token, CancellationToken cancellationToken)
    {
        var port = options.Value.HttpPort;
        var place = address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]:{port}" : $"{address}:{port}";
        using var limit = new CancellationTokenSource(options.Value.CheckTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            using var socket = new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                UseProxy = false,
                MaxResponseHeadersLength = 16,
                ConnectCallback = async (_, token) =>
                {
                    var connection = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
                    {
                        NoDelay = true,
                    };
                    try
                    {
                        await connection.ConnectAsync(address, port, token);
                        return new NetworkStream(connection, ownsSocket: true);
                    }
                    catch
                    {
                        connection.Dispose();
                        throw;
                    }
                },
            };
            using var client = new HttpClient(socket);
            using var request = new HttpRequestMessage(
                HttpMethod.Get, $"http://{host.Value}/.well-known/acme-challenge/{token}");
            using var answer = await client.SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            if ((int)answer.StatusCode is >= 300 and < 400)
            {
                return Wrong($"{host} at {place} redirects challenges to {Shown(answer.Headers.Location)}. "
                    + "Something in front of the gateway has to let /.well-known/acme-challenge/ through.");
            }

            if (answer.StatusCode != HttpStatusCode.OK)
            {
                return Wrong($"{host} at {place} answers a challenge with status {(int)answer.StatusCode}: it is not "
                    + "our gateway, or not one that knows the name.");
            }

            var buffer = new byte[MaxAnswer];
            await using var body = await answer.Content.ReadAsStreamAsync(either.Token);
            var length = await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, either.Token);
            return Encoding.Latin1.GetString(buffer, 0, length).StartsWith(token + ".", StringComparison.Ordinal)
                ? null
                : Wrong($"{host} at {place} answers a challenge with something else: it is not our gateway.");
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or SocketException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return new AcmeProblem(
                AcmeProblemType.Connection,
                $"{host} cannot be reached at {place}: port {port} has to be open to the whole internet, over every "
                + "address that the name has.");
        }
    }

    private async Task<bool> IsOpenAsync(IPAddress address, int port, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.Value.CheckTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(address, port, either.Token);
            return true;
        }
        catch (Exception exception) when (exception is SocketException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return false;
        }
    }

    private static string Token() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(20));

    private static string Shown(Uri? url)
    {
        var text = url?.OriginalString ?? "nowhere";
        return new string([.. text.Take(200).Where(sign => sign is > ' ' and < (char)0x7F)]);
    }

    private static AcmeProblem Wrong(string detail) => new(AcmeProblemType.IncorrectResponse, detail);

    private static LookedAt Bad(AcmeProblemType type, string detail) =>
        new(new AcmeProblem(type, detail), ChallengeType.Http01);
}

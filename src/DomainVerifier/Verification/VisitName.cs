using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Options;
using Tracking.Dns;
using Tracking.Domains;
using Tracking.Links;

namespace Tracking.DomainVerifier.Verification;

/// <summary>Visits a verified name as recipients do.</summary>
/// <param name="name">The name.</param>
/// <param name="cancellationToken">Ends it with an exception.</param>
/// <returns>The obstacle for recipients; <see langword="null"/> if none was found.</returns>
internal delegate Task<DomainFinding?> VisitDomain(HostName name, CancellationToken cancellationToken);

/// <summary>
/// Visits a verified name over http. Recipients may get Cloudflare's error 1014 although the record is right: this
/// happens if both zones are at Cloudflare in two accounts and the operator's target is proxied. One request is sent,
/// no redirect is followed, and only the beginning of the body is read. Other failures are no finding.
/// </summary>
internal sealed class VisitName : IDisposable
{
    private const int HttpPort = 80;

    // Cloudflare's error pages have 4 to 8 kB, with the error number in the first kB.
    private const int MostBody = 16 * 1024;

    private const string ErrorNumber = "1014";

    private readonly TimeSpan _longest;
    private readonly TimeProvider _time;
    private readonly int _port;
    private readonly HttpClient _client;

    /// <summary>Made by the container.</summary>
    public VisitName(
        AskResolver resolver, AddressGuard guard, IOptions<VerifierOptions> options, TimeProvider time)
        : this(ConnectToPublic.By(resolver), guard, HttpPort, options, time)
    {
    }

    /// <summary>For tests: with other addresses and another port.</summary>
    internal VisitName(
        FindAddresses addresses, AddressGuard guard, int port, IOptions<VerifierOptions> options, TimeProvider time)
    {
        (_port, _longest, _time) = (port, options.Value.VisitTimeout, time);
        _client = new HttpClient(ConnectToPublic.Handler(addresses, guard)) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>Visits the name.</summary>
    /// <inheritdoc cref="VisitDomain"/>
    public async Task<DomainFinding?> RunAsync(HostName name, CancellationToken cancellationToken)
    {
        if (_longest == TimeSpan.Zero)
        {
            return null;
        }

        using var limit = new CancellationTokenSource(_longest, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"http://{name}:{_port}/");
            request.Headers.ConnectionClose = true;
            using var response = await _client.SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            return IsFromCloudflare(response) && IsRefusal(await BeginningAsync(response, either.Token))
                ? Refused(name, response.StatusCode)
                : null;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or SocketException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private static bool IsFromCloudflare(HttpResponseMessage response) =>
        (int)response.StatusCode is 403 or 409 or 530
        && response.Headers.Server.Any(server =>
            string.Equals(server.Product?.Name, "cloudflare", StringComparison.OrdinalIgnoreCase));

    // The number must stand alone, because hexadecimal request ids may contain the same digits.
    private static bool IsRefusal(string body)
    {
        for (var at = body.IndexOf(ErrorNumber, StringComparison.Ordinal); at >= 0;
            at = body.IndexOf(ErrorNumber, at + 1, StringComparison.Ordinal))
        {
            var after = at + ErrorNumber.Length;
            if ((at == 0 || !char.IsAsciiLetterOrDigit(body[at - 1]))
                && (after == body.Length || !char.IsAsciiLetterOrDigit(body[after])))
            {
                return true;
            }
        }

        return false;
    }

    private static async Task<string> BeginningAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var body = new byte[MostBody];
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        var length = await stream.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, cancellationToken);
        return Encoding.Latin1.GetString(body, 0, length);
    }

    private DomainFinding Refused(HostName name, HttpStatusCode status) => new()
    {
        Code = FindingCode.TargetProxied,
        Severity = FindingSeverity.Error,
        Text = $"The record is right, and Cloudflare refuses every visitor of {name} (error {ErrorNumber}): the target "
            + "lies behind Cloudflare's proxy in another account. This is the operator's to change, not the domain "
            + "owner's.",
        Seen = $"http://{name} {(int)status}, error {ErrorNumber} from Cloudflare",
        Expected = "addresses of this installation",
        At = _time.GetUtcNow(),
        NextStep = "The operator sets the records of the tracking zone to \"DNS only\" (grey cloud).",
    };
}

using System.Net.Http.Headers;

namespace Tracking.Certificates.Acme;

/// <summary>
/// Sends requests to one authority. Answers are limited in size, one deadline covers a request with all its
/// repetitions, and no request goes to a foreign origin. No behaviour of a server causes an exception.
/// </summary>
internal sealed class AcmeTransport : IDisposable
{
    // Boulder accepts 20 newNonce requests a second from one address (rate limits of 5 August 2026).
    private static readonly TimeSpan _betweenNonces = TimeSpan.FromMilliseconds(50);

    private readonly AcmeOrigins _origins;
    private readonly CertificateOptions _options;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;
    private readonly NoncePool _nonces;
    private readonly SemaphoreSlim _fetchingNonce = new(1, 1);
    private long _nextNonce;

    public AcmeTransport(AuthoritySettings authority, CertificateOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        _origins = new AcmeOrigins(authority);
        _nonces = new NoncePool(options.NonceAge, time);
        _nextNonce = time.GetTimestamp();
        _http = new HttpClient(TrustAuthority.CreateHandler(authority)) { Timeout = Timeout.InfiniteTimeSpan };
        var version = typeof(AcmeTransport).Assembly.GetName().Version?.ToString(3) ?? "0";
        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("Tracking", version));
    }

    /// <summary>By how much the authority's clock was ahead of ours at its last answer.</summary>
    public TimeSpan ClockOffset { get; private set; }

    public Task<AcmeOutcome<AcmeAnswer>> GetAsync(Uri url, CancellationToken cancellationToken) =>
        WithinDeadlineAsync(
            async deadline => Judge(await SendAsync(() => new HttpRequestMessage(HttpMethod.Get, url), deadline)),
            cancellationToken);

    /// <summary>Sends a signed request. If the authority refuses the nonce, the request is signed again with another
    /// nonce.</summary>
    /// <param name="url">The URL.</param>
    /// <param name="newNonce">The URL that gives nonces.</param>
    /// <param name="sign">Makes the body with a nonce.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <param name="accept">The wanted media type; JSON by default.</param>
    public Task<AcmeOutcome<AcmeAnswer>> PostAsync(
        Uri url, Uri newNonce, Func<string, byte[]> sign, CancellationToken cancellationToken,
        string accept = "application/json") =>
        WithinDeadlineAsync(
            async deadline =>
            {
                for (var attempt = 1; ; attempt++)
                {
                    var nonce = await TakeNonceAsync(newNonce, deadline);
                    if (!nonce.Succeeded(out var taken, out var problem))
                    {
                        return problem;
                    }

                    var answer = Judge(await SendAsync(() => Signed(url, sign(taken.Value), accept), deadline));
                    if (answer.Problem?.Type != AcmeProblemType.BadNonce || attempt == _options.NonceAttempts)
                    {
                        return answer;
                    }
                }
            },
            cancellationToken);

    /// <summary>Reads a URL that the authority sent. The URL is absolute or relative to the answer's URL, and its
    /// origin is an allowed one.</summary>
    public AcmeOutcome<Uri> Resolve(AcmeAnswer answer, string? text, string what) =>
        string.IsNullOrEmpty(text) || !Uri.TryCreate(answer.Url, text, out var url)
            ? answer.NotAcme($"it names no {what}")
            : _origins.Refusal(url) is { } foreign ? foreign : url;

    public void Dispose()
    {
        _http.Dispose();
        _fetchingNonce.Dispose();
    }

    private static HttpRequestMessage Signed(Uri url, byte[] body, string accept)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/jose+json");
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(accept));
        return request;
    }

    private AcmeOutcome<AcmeAnswer> Judge(AcmeOutcome<AcmeAnswer> outcome) => outcome.Then<AcmeAnswer>(answer =>
        answer switch
        {
            { IsSuccess: true } => answer,
            // A signed request is valid for its own URL only, so a redirect cannot be followed.
            { Status: >= 300 and <= 399 } => answer.NotAcme("it is a redirect"),
            _ => ReadProblem.From(answer, _time.GetUtcNow()),
        });

    private async Task<AcmeOutcome<NonceValue>> TakeNonceAsync(Uri newNonce, CancellationToken deadline)
    {
        if (_nonces.Take() is { } kept)
        {
            return new NonceValue(kept);
        }

        await _fetchingNonce.WaitAsync(deadline);
        try
        {
            if (_nonces.Take() is { } brought)
            {
                return new NonceValue(brought);
            }

            var wait = _time.GetElapsedTime(_time.GetTimestamp(), _nextNonce);
            if (wait > TimeSpan.Zero)
            {
                await Task.Delay(wait, _time, deadline);
            }

            _nextNonce = _time.GetTimestamp()
                + (long)(_betweenNonces.TotalSeconds * _time.TimestampFrequency);
            var answer = Judge(await SendAsync(() => new HttpRequestMessage(HttpMethod.Head, newNonce), deadline));
            return answer.Then<NonceValue>(got =>
                _nonces.Take() is { } fresh ? new NonceValue(fresh) : got.NotAcme("it brings no nonce"));
        }
        finally
        {
            _fetchingNonce.Release();
        }
    }

    private async Task<AcmeOutcome<AcmeAnswer>> SendAsync(
        Func<HttpRequestMessage> create, CancellationToken cancellationToken)
    {
        using var request = create();
        // Stored URLs are checked too, because the configuration may have changed.
        if (_origins.Refusal(request.RequestUri!) is { } foreign)
        {
            return foreign;
        }

        using var response = await _http.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (response.Headers.TryGetValues("Replay-Nonce", out var nonces))
        {
            _nonces.Add(nonces.First());
        }

        var now = _time.GetUtcNow();
        if (response.Headers.Date is { } date)
        {
            ClockOffset = date - now;
        }

        var body = request.Method == HttpMethod.Head ? [] : await ReadAsync(response, cancellationToken);
        return body is null
            ? new AcmeProblem(
                AcmeProblemType.NotAcme,
                $"The certificate authority's answer is longer than {_options.MaxAnswerBytes} bytes.")
            {
                Status = (int)response.StatusCode,
            }
            : new AcmeAnswer(request.RequestUri!, (int)response.StatusCode, body)
            {
                MediaType = response.Content.Headers.ContentType?.MediaType?.ToLowerInvariant() ?? "",
                Location = response.Headers.TryGetValues("Location", out var locations) ? locations.First() : null,
                RetryAfter = RetryAfter.Read(response.Headers.RetryAfter, now),
                Links = response.Headers.TryGetValues("Link", out var links) ? AcmeAnswer.ReadLinks(links) : [],
            };
    }

    private async Task<byte[]?> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var limit = _options.MaxAnswerBytes;
        if (response.Content.Headers.ContentLength > limit)
        {
            return null;
        }

        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        using var body = new MemoryStream();
        var buffer = new byte[8_192];
        for (int read; (read = await stream.ReadAsync(buffer, cancellationToken)) > 0;)
        {
            if (body.Length + read > limit)
            {
                return null;
            }

            body.Write(buffer, 0, read);
        }

        return body.ToArray();
    }

    private async Task<AcmeOutcome<AcmeAnswer>> WithinDeadlineAsync(
        Func<CancellationToken, Task<AcmeOutcome<AcmeAnswer>>> send, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(_options.RequestTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        try
        {
            return await send(either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return late.IsCancellationRequested
                ? new AcmeProblem(
                    AcmeProblemType.TimedOut,
                    $"The certificate authority took longer than {_options.RequestTimeout:c}.")
                // The handler's own time limit for connecting.
                : Unreachable("connecting took too long");
        }
        catch (HttpRequestException exception)
        {
            return Unreachable((exception.InnerException ?? exception).Message);
        }
        catch (IOException exception)
        {
            return Unreachable(exception.Message);
        }
    }

    private static AcmeProblem Unreachable(string why) => new(
        AcmeProblemType.Unreachable,
        $"The certificate authority was not reached: {ReadProblem.Clean(why, 300).TrimEnd('.')}.");

    private sealed record NonceValue(string Value);
}

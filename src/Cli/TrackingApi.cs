using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Tracking.Cli;

/// <summary>The result of a request.</summary>
/// <param name="ExitCode"><see cref="ExitCode.Done"/>, <see cref="ExitCode.Refused"/> or
/// <see cref="ExitCode.Unavailable"/>.</param>
/// <param name="Complaint">Why the request failed, one line.</param>
internal sealed record ApiAnswer(int ExitCode, string? Complaint)
{
    /// <summary>The body if it is JSON: the result or the problem.</summary>
    public JsonObject Json { get; init; } = [];

    /// <summary>The body if it is a message.</summary>
    public byte[] Bytes { get; init; } = [];

    /// <summary>The headers. Several values are joined by commas.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <summary>When the server answered, by the server's clock.</summary>
    public DateTimeOffset? Date { get; init; }

    /// <summary>The body's media type.</summary>
    public string? MediaType { get; init; }

    /// <summary>The HTTP status; 0 without an answer.</summary>
    public int Status { get; init; }

    /// <summary>How long the server asks to wait before the next attempt.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The problem's type; <see langword="null"/> without a problem document.</summary>
    public string? ProblemType { get; init; }

    /// <summary>Whether the request succeeded.</summary>
    public bool IsDone => Complaint is null;

    /// <summary>Prints why the request failed: with <c>--json</c> the server's problem as a document, else a
    /// line.</summary>
    public int Report(Terminal terminal)
    {
        if (terminal.Json && Json.Count != 0)
        {
            terminal.Document(Json);
            return ExitCode;
        }

        return Complain(terminal);
    }

    /// <summary>As <see cref="Report"/>, for commands where <see cref="Cli.ExitCode.WrongState"/> means that something
    /// is not there, or in a state that does not allow the command.</summary>
    public int ReportState(Terminal terminal) =>
        Report(terminal) is var code && Status is 404 or 409 ? Cli.ExitCode.WrongState : code;

    /// <summary>As <see cref="Report"/>, for commands whose output is lines: with <c>--json</c> the problem is one
    /// too.</summary>
    public int ReportLine(Terminal terminal)
    {
        if (terminal.Json && Json.Count != 0)
        {
            terminal.JsonLine(Json);
            return ExitCode;
        }

        return Complain(terminal);
    }

    /// <summary>As <see cref="Report"/>, for commands that print a document of their own afterwards.</summary>
    public int Complain(Terminal terminal)
    {
        terminal.Complain(Complaint!);
        return ExitCode;
    }
}

/// <summary>The HTTP API. A refusal or a missing answer is returned as a value, not thrown.</summary>
internal sealed class TrackingApi : IDisposable
{
    /// <summary>Longer than any page or rewrite takes, and short enough for a person who waits.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(60);

    private readonly HttpClient _client;

    public TrackingApi(Uri server, string key, TimeSpan timeout)
    {
        _client = new HttpClient(new SocketsHttpHandler
        {
            // Redirects are not followed, because the key is for the named server only.
            AllowAutoRedirect = false,
            // Mail addresses may be UTF-8 (RFC 6531), which .NET refuses in headers by default.
            RequestHeaderEncodingSelector = (_, _) => Encoding.UTF8,
            ConnectCallback = EarlyAnswerStream.ConnectAsync,
        })
        {
            BaseAddress = new Uri(server, server.AbsolutePath.TrimEnd('/') + "/api/v1/"),
            Timeout = timeout,
        };
        _client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        _client.DefaultRequestHeaders.Accept.ParseAdd("application/json");
    }

    /// <summary>The HTTP client, for commands that make their own requests.</summary>
    public HttpClient Client => _client;

    /// <summary>Server and port, for messages.</summary>
    public string Server => _client.BaseAddress!.GetLeftPart(UriPartial.Authority);

    public Task<ApiAnswer> GetAsync(string path, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, path, null, cancellationToken);

    public Task<ApiAnswer> DeleteAsync(string path, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Delete, path, null, cancellationToken);

    public Task<ApiAnswer> PostAsync(string path, JsonNode? body, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, path, body is null ? null : JsonContent.Create(body), cancellationToken);

    public Task<ApiAnswer> PutAsync(string path, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Put, path, null, cancellationToken);

    public Task<ApiAnswer> PatchAsync(string path, JsonNode body, CancellationToken cancellationToken) => SendAsync(
        HttpMethod.Patch,
        path,
        JsonContent.Create(body, new MediaTypeHeaderValue("application/merge-patch+json")),
        cancellationToken);

    /// <summary>Sends a request. The content may have further request headers.</summary>
    public async Task<ApiAnswer> SendAsync(
        HttpMethod method,
        string path,
        HttpContent? content,
        CancellationToken cancellationToken,
        params IEnumerable<KeyValuePair<string, string>> headers)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        // Unsent bytes of this request would be missing, so the connection is not used again.
        request.Headers.ConnectionClose = content is not null;
        foreach (var (name, value) in headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
            {
                return new ApiAnswer(ExitCode.Usage, $"{name}: '{value}' cannot be the value of a header.");
            }
        }

        try
        {
            using var response = await _client.SendAsync(request, cancellationToken);
            return await ReadAsync(response, cancellationToken);
        }
        catch (HttpRequestException exception)
        {
            return new ApiAnswer(ExitCode.Unavailable, $"{Server} cannot be reached: {exception.Message}");
        }
        catch (IOException exception)
        {
            return new ApiAnswer(ExitCode.Unavailable, $"{Server} broke off: {exception.Message}");
        }
        catch (TaskCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new ApiAnswer(ExitCode.Unavailable, $"{Server} did not answer within {_client.Timeout.TotalSeconds} s.");
        }
    }

    public void Dispose() => _client.Dispose();

    private async Task<ApiAnswer> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var bytes = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        var type = response.Content.Headers.ContentType?.MediaType;
        var json = type is "application/json" or "application/problem+json" ? Parse(bytes) : null;
        if (response.IsSuccessStatusCode)
        {
            return new ApiAnswer(ExitCode.Done, null)
            {
                Json = json ?? [],
                Bytes = bytes,
                Headers = response.Headers.ToDictionary(
                    header => header.Key, header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase),
                Date = response.Headers.Date,
                MediaType = type,
            };
        }

        // These statuses have reasons outside the request, so a later attempt may succeed.
        var code = response.StatusCode is HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable
            or HttpStatusCode.GatewayTimeout or HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout
            ? ExitCode.Unavailable
            : ExitCode.Refused;
        var complaint = json?["title"] is { } title
            ? $"{title}. {json["detail"]}".TrimEnd()
            : $"{Server} answered {(int)response.StatusCode} {response.ReasonPhrase}, without saying why; "
                + "is it the API's address?";
        return new ApiAnswer(code, complaint)
        {
            Json = json ?? [],
            MediaType = type,
            Status = (int)response.StatusCode,
            ProblemType = json?["type"]?.ToString(),
            RetryAfter = response.Headers.RetryAfter?.Delta,
        };
    }

    private static JsonObject? Parse(byte[] bytes)
    {
        try
        {
            return JsonNode.Parse(bytes) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

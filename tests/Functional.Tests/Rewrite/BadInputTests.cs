using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Tracking.Links;

namespace Tracking.Functional.Tests.Rewrite;

/// <summary>One host for all tests that store nothing.</summary>
public sealed class SharedRewriteHost(RewritePostgres postgres) : IAsyncLifetime
{
    internal RewriteHost Host { get; private set; } = null!;

    internal ClusterId Cluster { get; private set; }

    public async ValueTask InitializeAsync()
    {
        Host = await RewriteHost.StartAsync(await postgres.CreateDatabaseAsync());
        Cluster = await Host.CreateClusterAsync();
    }

    public ValueTask DisposeAsync() => Host.DisposeAsync();
}

/// <summary>Each wrong request gets an answer with the reason, and nothing is stored.</summary>
public sealed class BadInputTests(SharedRewriteHost shared) : IClassFixture<SharedRewriteHost>
{
    private const int Limit = 64 * 1024 * 1024;

    private readonly RewriteHost _host = shared.Host;
    private readonly string _path = $"/api/v1/clusters/{shared.Cluster}/rewrite";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static TheoryData<string, byte[]> NotMails => new()
    {
        { "random bytes", RandomBytes() },
        { "JSON", "{\"from\":\"a@shop.example\",\"to\":\"b\"}"u8.ToArray() },
        { "JSON over lines", "{\r\n  \"mime\": \"x\"\r\n}"u8.ToArray() },
        { "HTML", "<!doctype html>\n<html><body style=\"color:red\">x</body></html>"u8.ToArray() },
        { "HTML with a colon", "<a:b>x</a:b>"u8.ToArray() },
        { "text", "Dear reader,\r\nplease see: below\r\n"u8.ToArray() },
        { "an empty line first", "\r\nFrom: a@shop.example\r\n\r\n"u8.ToArray() },
        { "a From line and nothing else", "From a@shop.example Sat Nov 28 10:00:00 2026\r\n"u8.ToArray() },
        { "a From line and text", "From here on it goes:\nDear reader,\nplease see: below\n"u8.ToArray() },
        { "an indented From line", " From a@shop.example\r\nFrom: a@shop.example\r\n\r\n"u8.ToArray() },
        { "a quoted From line alone", ">From a@shop.example\r\nFrom: a@shop.example\r\n\r\n"u8.ToArray() },
        { "a byte order mark", "\uFEFF"u8.ToArray() },
        { "a byte order mark and JSON", "\uFEFF{\"from\":\"a@shop.example\"}"u8.ToArray() },
        { "a gzip", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0] },
    };

    [Theory]
    [MemberData(nameof(NotMails))]
    public async Task A_body_that_is_no_mail_is_refused(string what, byte[] body)
    {
        Assert.NotEmpty(what);
        using var response = await SendAsync(body);
        await Problem.IsAsync(
            response, HttpStatusCode.BadRequest, "malformed-request", "body:", "header field", "RFC 5322");
        await NothingIsStoredAsync();
    }

    [Fact]
    public async Task An_empty_body_is_refused()
    {
        using var response = await SendAsync([]);
        await Problem.IsAsync(response, HttpStatusCode.BadRequest, "malformed-request", "body: is empty", "RFC 5322");
        await NothingIsStoredAsync();
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/json; charset=utf-8")]
    [InlineData("multipart/form-data; boundary=x")]
    [InlineData("message")]
    [InlineData(";;;")]
    [InlineData("message/rfc822 message/rfc822")]
    [InlineData(null)]
    public async Task Another_content_type_is_refused(string? type)
    {
        using var request = RewriteHost.Request(_path, Mail.Bytes(Mail.Html("type")));
        request.Content!.Headers.ContentType = null;
        if (type is not null)
        {
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        using var response = await _host.Admin.SendAsync(request, Cancelled);
        await Problem.IsAsync(
            response, HttpStatusCode.UnsupportedMediaType, "unsupported-media-type",
            "Content-Type", type ?? "nothing", "message/rfc822");
        await NothingIsStoredAsync();
    }

    [Theory]
    [InlineData("message/rfc822; charset=utf-8")]
    [InlineData("Message/RFC822")]
    [InlineData("message/global")]
    public async Task A_mails_content_type_may_have_parameters_and_any_case(string type)
    {
        using var request = RewriteHost.Request(_path + "?dryRun=true", Mail.Bytes(Mail.Html("type")));
        request.Content!.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        using var response = await _host.Admin.SendAsync(request, Cancelled);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Theory]
    [InlineData("zzzzz")]
    [InlineData("00000")]
    [InlineData("toolong")]
    [InlineData("a b")]
    [InlineData("uuuuu")]
    public async Task An_unknown_or_malformed_cluster_is_not_found(string cluster)
    {
        using var request = RewriteHost.Request($"/api/v1/clusters/{cluster}/rewrite", Mail.Bytes(Mail.Html("c")));
        using var response = await _host.Admin.SendAsync(request, Cancelled);
        Assert.Contains(response.StatusCode, new[] { HttpStatusCode.NotFound, HttpStatusCode.BadRequest });
        await Problem.IsAsync(response, response.StatusCode, null);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("nonsense")]
    [InlineData("trk_0000000000000000000000000000000000")]
    public async Task Without_a_working_key_nothing_is_read(string? key)
    {
        using var client = _host.Client(key);
        using var request = RewriteHost.Request(_path + "?dryRun=perhaps", [1, 2, 3]);
        using var response = await client.SendAsync(request, Cancelled);
        await Problem.IsAsync(response, HttpStatusCode.Unauthorized, null, "Authorization", "Bearer");
        Assert.Equal("Bearer", response.Headers.WwwAuthenticate.Single().Scheme);
    }

    [Fact]
    public async Task Another_tenants_key_finds_nothing_and_the_own_one_works()
    {
        var other = await _host.CreateClusterAsync();
        using var client = _host.Client(await _host.CreateKeyAsync(other));
        using var request = RewriteHost.Request(_path, Mail.Bytes(Mail.Html("tenant")));
        using var response = await client.SendAsync(request, Cancelled);
        await Problem.IsAsync(response, HttpStatusCode.NotFound, null, shared.Cluster.ToString());
        await NothingIsStoredAsync();

        using var own = RewriteHost.Request(
            $"/api/v1/clusters/{other}/rewrite?dryRun=true", Mail.Bytes(Mail.Html("tenant")));
        using var answer = await client.SendAsync(own, Cancelled);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Theory]
    [InlineData("tracking-clicks", "maybe", "yes, no, html or text")]
    [InlineData("tracking-opens", "html", "yes or no")]
    [InlineData("tracking-level", "some", "full, pseudonymous, anonymous or off")]
    [InlineData("tracking-tags", "1,2,3,4,5,6,7,8,9,10,11", "at most 10 tags")]
    [InlineData("tracking-sent-at", "yesterday", "RFC 3339")]
    [InlineData("tracking-message-id", "idé", "ASCII")]
    public async Task A_wrong_metadata_header_is_named(string name, string value, string takes)
    {
        using var connection = await SendRawAsync(
            $"{name}: {value}\r\nContent-Length: 20\r\n", "From: a@example.com\n"u8.ToArray());
        var answer = await connection.ReadToEndAsync();
        Assert.StartsWith("HTTP/1.1 400", answer, StringComparison.Ordinal);
        Assert.Contains("urn:tracking:problem:invalid-value", answer, StringComparison.Ordinal);
        Assert.Contains(name, answer, StringComparison.Ordinal);
        Assert.Contains(takes, answer, StringComparison.Ordinal);
        await NothingIsStoredAsync();
    }

    [Theory]
    [InlineData("tracking-message-id")]
    [InlineData("tracking-recipient")]
    [InlineData("tracking-sender")]
    [InlineData("tracking-host")]
    public async Task A_metadata_header_given_twice_is_refused(string name)
    {
        using var connection = await SendRawAsync(
            $"{name}: a\r\n{name}: b\r\nContent-Length: 20\r\n", "From: a@example.com\n"u8.ToArray());
        var answer = await connection.ReadToEndAsync();
        Assert.StartsWith("HTTP/1.1 400", answer, StringComparison.Ordinal);
        Assert.Contains("urn:tracking:problem:invalid-value", answer, StringComparison.Ordinal);
        Assert.Contains($"{name}: got", answer, StringComparison.Ordinal);
        Assert.Contains("once", answer, StringComparison.Ordinal);
        await NothingIsStoredAsync();
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("1")]
    [InlineData("")]
    [InlineData("true&dryRun=false")]
    public async Task A_dry_run_that_is_neither_true_nor_false_stores_nothing(string value)
    {
        using var request = RewriteHost.Request(
            $"{_path}?dryRun={value}", Mail.Bytes(Mail.Html("dry", "https://example.com/")));
        using var response = await _host.Admin.SendAsync(request, Cancelled);
        await Problem.IsAsync(response, HttpStatusCode.BadRequest, "invalid-value", "dryRun", "true or false");
        await NothingIsStoredAsync();
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    public async Task Other_methods_are_not_allowed(string method)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), _path);
        using var response = await _host.Admin.SendAsync(request, Cancelled);
        await Problem.IsAsync(response, HttpStatusCode.MethodNotAllowed, "method-not-allowed", method, "POST");
        Assert.Equal(["POST"], response.Content.Headers.Allow);
    }

    [Fact]
    public async Task A_client_that_asks_first_is_refused_before_it_sends_a_hundred_megabytes()
    {
        using var connection = await SendRawAsync("Content-Length: 104857600\r\nExpect: 100-continue\r\n", []);
        var answer = await connection.ReadToEndAsync();
        Assert.StartsWith("HTTP/1.1 413", answer, StringComparison.Ordinal);
        Assert.Contains("urn:tracking:problem:too-large", answer, StringComparison.Ordinal);
        Assert.Contains($"{Limit}", answer, StringComparison.Ordinal);
    }

    private static byte[] RandomBytes()
    {
        var bytes = new byte[4096];
        new Random(5322).NextBytes(bytes);
        bytes[0] = 0xff;
        return bytes;
    }

    private async Task<HttpResponseMessage> SendAsync(byte[] body, params (string Name, string Value)[] headers)
    {
        using var request = RewriteHost.Request(_path, body, headers);
        return await _host.Admin.SendAsync(request, Cancelled);
    }

    private async Task NothingIsStoredAsync() => Assert.Equal(0, await _host.StoredAsync());

    private async Task<RawConnection> SendRawAsync(string headers, byte[] body)
    {
        var connection = new RawConnection();
        await connection.Client.ConnectAsync(_host.Url.Host, _host.Url.Port, Cancelled);
        var head = $"POST {_path} HTTP/1.1\r\nHost: {_host.Url.Authority}\r\nConnection: close\r\n"
            + $"Authorization: {_host.Admin.DefaultRequestHeaders.Authorization}\r\n"
            + $"Content-Type: message/rfc822\r\n{headers}\r\n";
        var stream = connection.Client.GetStream();
        await stream.WriteAsync(Encoding.UTF8.GetBytes(head), Cancelled);
        await stream.WriteAsync(body, Cancelled);
        return connection;
    }

    private sealed class RawConnection : IDisposable
    {
        public TcpClient Client { get; } = new();

        /// <summary>Reads the answer up to the end of its JSON. The connection stays open, because the request is
        /// incomplete.</summary>
        public async Task<string> ReadToEndAsync()
        {
            var answer = new StringBuilder();
            var buffer = new byte[4096];
            while (!answer.ToString().Contains('}', StringComparison.Ordinal)
                && await Client.GetStream().ReadAsync(buffer, Cancelled) is > 0 and var length)
            {
                answer.Append(Encoding.UTF8.GetString(buffer, 0, length));
            }

            return answer.ToString();
        }

        public void Dispose() => Client.Dispose();
    }
}

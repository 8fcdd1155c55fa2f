using System.Buffers.Text;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Tracking.AcmeAuthority;

/// <summary>
/// A certificate authority for tests: RFC 8555 over HTTPS in this process, strict about what clients send, with what
/// Debian's pebble lacks (RFC 9773, profiles, limits, pausing, CAA), and as wrong as it is told to be. An independent
/// client is run against it in Functional.Tests.
/// </summary>
public sealed partial class TestAuthority : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly HashSet<string> _nonces = [];
    private readonly List<(string Resource, Func<HttpContext, Task> Answer)> _script = [];
    private readonly Dictionary<string, Func<string, string>> _alterations = [];
    private readonly HashSet<string> _lost = [];
    private readonly List<(string Method, string Resource)> _requests = [];
    private WebApplication? _app;
    private X509Certificate2? _server;
    private Issuer? _issuer;
    private int _lastId;

    /// <summary>The clock by which certificates are issued.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Its roots; each has a chain, the first is the default.</summary>
    public IReadOnlyList<string> Roots { get; init; } = ["Test Root"];

    public TimeSpan Lifetime { get; set; } = TimeSpan.FromDays(45);

    /// <summary>Percent of requests whose nonce is refused.</summary>
    public int RefusedNonces { get; set; }

    /// <summary>Keys for external account binding; with any, it is required.</summary>
    public Dictionary<string, byte[]> ExternalAccounts { get; } = [];

    /// <summary>Offered profiles; those of <see cref="RefusedProfiles"/> only seem to be.</summary>
    public Dictionary<string, string> Profiles { get; } = [];

    public HashSet<string> RefusedProfiles { get; } = [];

    public string? TermsOfService { get; set; }

    /// <summary>The name by which it goes in CAA records.</summary>
    public string CaaIdentity { get; set; } = "authority.example";

    public bool ReusesAuthorizations { get; set; }

    public bool OffersRenewalInformation { get; set; } = true;

    /// <summary>The renewal window; a third of the lifetime before the end unless set.</summary>
    public Func<(DateTimeOffset Start, DateTimeOffset End)>? RenewalWindow { get; set; }

    public string? RenewalExplanation { get; set; }

    /// <summary>What orders for a name are answered: paused, limited, rejected.</summary>
    public Dictionary<string, RefusalException> RefusedOrders { get; } = [];

    /// <summary>What looking at a name comes to: CAA, DNS, a connection.</summary>
    public Dictionary<string, RefusalException> RefusedNames { get; } = [];

    /// <summary>Where names are looked at for http-01 and tls-alpn-01; without, every name is fine.</summary>
    public int? HttpPort { get; set; }

    public int? TlsPort { get; set; }

    /// <summary>Further challenge types to offer, with members as a future one may have.</summary>
    public bool OffersUnknownChallenges { get; set; }

    /// <summary>How often an order is shown as processing after it was finalized.</summary>
    public int ProcessingLooks { get; set; }

    public IssuedWith IssuesWith { get; set; }

    /// <summary>The URL of its directory.</summary>
    public string Directory => $"{Origin}/directory";

    public string Origin => _app!.Urls.First();

    /// <summary>The root of its own HTTPS.</summary>
    public string RootPem { get; private set; } = "";

    /// <summary>Requests so far, by resource as named in <see cref="Resource"/>.</summary>
    public int Count(string resource)
    {
        lock (_lock)
        {
            return _requests.Count(request => request.Resource == resource);
        }
    }

    public async Task StartAsync()
    {
        _issuer = new Issuer(Roots, Time);
        (_server, RootPem) = Issuer.ForHttps(TimeProvider.System);
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                listen.UseHttps(_server);
            }));
        builder.Services.AddLogging(logging => logging.ClearProviders());
        _app = builder.Build();
        _app.Run(HandleAsync);
        await _app.StartAsync();
    }

    /// <summary>The next request for a resource gets this answer instead.</summary>
    public void Script(string resource, Func<HttpContext, Task> answer, int times = 1)
    {
        lock (_lock)
        {
            _script.AddRange(Enumerable.Repeat((resource, answer), times));
        }
    }

    /// <summary>The next requests for a resource get this problem.</summary>
    public void Script(string resource, RefusalException refusal, int times = 1) =>
        Script(resource, context => WriteAsync(context, refusal), times);

    /// <summary>Every right answer of a resource is changed.</summary>
    public void Alter(string resource, Func<string, string> change) => _alterations[resource] = change;

    /// <summary>The next request for a resource is done and its answer never arrives.</summary>
    public void LoseAnswer(string resource)
    {
        lock (_lock)
        {
            _lost.Add(resource);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
        {
            using var now = new CancellationTokenSource(TimeSpan.Zero);
            await _app.StopAsync(now.Token);
            await _app.DisposeAsync();
        }

        _server?.Dispose();
    }

    private static string Resource(string path) => path.Split('/')[1];

    private async Task HandleAsync(HttpContext context)
    {
        var resource = Resource(context.Request.Path.Value!);
        using var reader = new StreamReader(context.Request.Body, new UTF8Encoding(false, true));
        var body = await reader.ReadToEndAsync();
        Func<HttpContext, Task>? scripted = null;
        lock (_lock)
        {
            _requests.Add((context.Request.Method, resource));
            var index = _script.FindIndex(step => step.Resource == resource);
            if (index >= 0)
            {
                scripted = _script[index].Answer;
                _script.RemoveAt(index);
            }

            if (context.Request.Method is "POST" or "HEAD" || resource == "new-nonce")
            {
                context.Response.Headers["Replay-Nonce"] = NewNonce();
            }
        }

        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers.Append("Link", $"<{Directory}>;rel=\"index\"");
        if (scripted is not null)
        {
            await scripted(context);
            return;
        }

        try
        {
            if (context.Request.Headers.UserAgent.Count == 0)
            {
                throw RefusalException.Malformed("clients name themselves (RFC 8555 §6.1)");
            }

            Answer answer;
            bool isLost;
            lock (_lock)
            {
                answer = context.Request.Method == "POST" ? Post(context, resource, body) : Get(context, resource);
                isLost = _lost.Remove(resource);
            }

            if (isLost)
            {
                context.Abort();
                return;
            }

            await WriteAsync(context, resource, answer);
        }
        catch (RefusalException refusal)
        {
            await WriteAsync(context, refusal);
        }
    }

    private Answer Get(HttpContext context, string resource) => resource switch
    {
        "directory" => new Answer(200, DirectoryJson()),
        "new-nonce" => new Answer(context.Request.Method == "HEAD" ? 200 : 204, null),
        "renewal-info" when OffersRenewalInformation => RenewalInfo(context.Request.Path.Value!.Split('/')[^1]),
        _ => throw new RefusalException(405, "malformed", "only POST here"),
    };

    private Answer Post(HttpContext context, string resource, string body)
    {
        if (context.Request.ContentType is not "application/jose+json")
        {
            throw new RefusalException(415, "malformed", $"the content type is \"{context.Request.ContentType}\"");
        }

        var url = $"{Origin}{context.Request.Path}";
        var request = VerifyRequest.Read(body, url, TakeNonce, KeyOf);
        if (resource == "new-account")
        {
            return NewAccount(request, url);
        }

        var account = _accounts.Find(known => known.Url == request.Kid)
            ?? throw RefusalException.Malformed("kid is needed here");
        if (account.Status != "valid")
        {
            throw new RefusalException(403, "unauthorized", $"Account is {account.Status}");
        }

        var path = context.Request.Path.Value!.Split('/')[2..];
        return resource switch
        {
            "account" => ChangeAccount(account, request, url),
            "key-change" => ChangeKey(account, request, url),
            "new-order" => NewOrder(account, request),
            "order" => Look(FindOrder(account, path[0])),
            "authorization" => LookAtAuthorization(account, path[0], request),
            "challenge" => TryChallenge(account, path[0], path[1], request),
            "finalize" => Finalize(FindOrder(account, path[0]), request),
            "certificate" => Download(account, path, request),
            "revoke" => Revoke(account, request),
            _ => throw new RefusalException(404, "malformed", "there is nothing here"),
        };
    }

    private JsonObject DirectoryJson()
    {
        var json = new JsonObject { ["meta"] = new JsonObject { ["website"] = "https://authority.example" } };
        foreach (var (name, path) in new[]
        {
            ("newNonce", "new-nonce"), ("newAccount", "new-account"), ("newOrder", "new-order"),
            ("revokeCert", "revoke"), ("keyChange", "key-change"), ("renewalInfo", "renewal-info"),
        })
        {
            if (name != "renewalInfo" || OffersRenewalInformation)
            {
                json[name] = $"{Origin}/{path}";
            }
        }

        var meta = json["meta"]!;
        if (TermsOfService is not null)
        {
            meta["termsOfService"] = TermsOfService;
        }

        if (ExternalAccounts.Count > 0)
        {
            meta["externalAccountRequired"] = true;
        }

        if (Profiles.Count > 0)
        {
            meta["profiles"] = new JsonObject(Profiles.Select(profile =>
                KeyValuePair.Create(profile.Key, (JsonNode?)profile.Value)));
        }

        meta["caaIdentities"] = new JsonArray(CaaIdentity);
        return json;
    }

    private bool TakeNonce(string nonce) => _nonces.Remove(nonce) && Random.Shared.Next(100) >= RefusedNonces;

    private string NewNonce()
    {
        var nonce = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(16));
        _nonces.Add(nonce);
        return nonce;
    }

    private string NewId() => (++_lastId).ToString(CultureInfo.InvariantCulture);

    private async Task WriteAsync(HttpContext context, string resource, Answer answer)
    {
        context.Response.StatusCode = answer.Status;
        foreach (var (name, value) in answer.Headers)
        {
            context.Response.Headers.Append(name, value);
        }

        if (answer.Body is null)
        {
            return;
        }

        context.Response.ContentType = answer.ContentType;
        var text = answer.Body as string ?? ((JsonNode)answer.Body).ToJsonString();
        await context.Response.WriteAsync(_alterations.TryGetValue(resource, out var change) ? change(text) : text);
    }

    private static async Task WriteAsync(HttpContext context, RefusalException refusal)
    {
        context.Response.StatusCode = refusal.Status;
        context.Response.ContentType = "application/problem+json";
        foreach (var (name, value) in refusal.Headers)
        {
            context.Response.Headers.Append(name, value);
        }

        await context.Response.WriteAsync(refusal.ToJson().ToJsonString());
    }

    private sealed record Answer(int Status, object? Body)
    {
        public string ContentType { get; init; } = "application/json";

        public List<(string Name, string Value)> Headers { get; init; } = [];
    }
}

using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Claims;
using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using Tracking.Api;
using Tracking.Database;
using Tracking.ServiceDefaults.Settings;
using SameSiteMode = Microsoft.AspNetCore.Http.SameSiteMode;

namespace Tracking.Management.Console.Session;

/// <summary>
/// The session of the console: a sealed cookie with the id of an API key, the time of the sign-in and the time of the
/// last use. The key is looked up as in the API, so a revoked key ends its sessions within five seconds.
/// <para>Over https the cookie is <c>__Host-tracking</c>: no other host and no plain connection can set it. Browsers
/// refuse this name over plain http. There the cookie is <c>tracking</c>, for use on one's own machine.</para>
/// </summary>
internal sealed class ConsoleSession(
    IDataProtectionProvider protection,
    ApiKeyAuthentication keys,
    IOptions<ConsoleOptions> options,
    IOptions<ApiKeyOptions> apiKeys,
    TimeProvider time)
{
    private const string Purpose = "session";
    private const int Size = 32;

    // The time of the last use is written at most this often, because not every answer should set a cookie.
    private static readonly TimeSpan _renewEvery = TimeSpan.FromMinutes(5);

    private readonly IDataProtector _seal = protection.CreateProtector(Purpose);
    private readonly AddressRanges _proxies = new(apiKeys.Value.TrustedProxies);

    /// <summary>The middleware. It finds the signed-in key, and restores the scheme of a request whose TLS ended at a
    /// trusted proxy.</summary>
    public async Task ReadAsync(HttpContext context, RequestDelegate next)
    {
        if (_proxies.Contains(context.Connection.RemoteIpAddress)
            && context.Request.Headers["X-Forwarded-Proto"].ToString() is "https")
        {
            context.Request.Scheme = "https";
        }

        if (TryOpen(context, out var keyId, out var began, out var used))
        {
            if (await keys.FindByIdAsync(keyId, context.RequestAborted) is { } holder)
            {
                context.Features.Set(holder);
                // Form tokens belong to the session in which they were made.
                context.User = new ClaimsPrincipal(new ClaimsIdentity(
                    [new Claim(ClaimTypes.NameIdentifier, $"{keyId:N}-{began.ToUnixTimeMilliseconds()}")], Purpose));
                if (time.GetUtcNow() - used > _renewEvery)
                {
                    Write(context, keyId, began);
                }
            }
            else
            {
                End(context);
            }
        }

        await next(context);
    }

    /// <summary>Begins a session for a key that was just presented.</summary>
    public void Begin(HttpContext context, ApiKeyHolder holder) => Write(context, holder.KeyId, time.GetUtcNow());

    /// <summary>Ends the session in this browser.</summary>
    public static void End(HttpContext context) => context.Response.Cookies.Delete(Name(context), Cookie(context));

    private bool TryOpen(HttpContext context, out Guid keyId, out DateTimeOffset began, out DateTimeOffset used)
    {
        (keyId, began, used) = (default, default, default);
        if (context.Request.Cookies[Name(context)] is not { Length: > 0 and < 1000 } text
            || !TryUnseal(text, out var bytes))
        {
            return false;
        }

        keyId = new Guid(bytes.AsSpan(0, 16), bigEndian: true);
        began = DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64BigEndian(bytes.AsSpan(16)));
        used = DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64BigEndian(bytes.AsSpan(24)));
        var now = time.GetUtcNow();
        return now - used < options.Value.SessionIdle && now - began < options.Value.SessionLongest;
    }

    private bool TryUnseal(string text, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        try
        {
            bytes = _seal.Unprotect(Microsoft.AspNetCore.WebUtilities.WebEncoders.Base64UrlDecode(text));
            return bytes.Length == Size;
        }
        catch (Exception exception) when (
            exception is FormatException
            || (exception is CryptographicException && !StoreAway.Is(exception.GetBaseException())))
        {
            // The cookie is foreign, cut, or sealed under a deleted key. The request has no session.
            return false;
        }
    }

    private void Write(HttpContext context, Guid keyId, DateTimeOffset began)
    {
        var bytes = new byte[Size];
        keyId.TryWriteBytes(bytes, bigEndian: true, out _);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(16), began.ToUnixTimeMilliseconds());
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(24), time.GetUtcNow().ToUnixTimeMilliseconds());
        var cookie = Cookie(context);
        cookie.MaxAge = options.Value.SessionLongest;
        context.Response.Cookies.Append(
            Name(context), Microsoft.AspNetCore.WebUtilities.WebEncoders.Base64UrlEncode(_seal.Protect(bytes)), cookie);
    }

    private static string Name(HttpContext context) => context.Request.IsHttps ? "__Host-tracking" : "tracking";

    private static CookieOptions Cookie(HttpContext context) => new()
    {
        HttpOnly = true,
        Secure = context.Request.IsHttps,
        SameSite = SameSiteMode.Lax,
        Path = "/",
    };
}

/// <summary>
/// Refuses requests that another site's page makes a browser send. Browsers say in Sec-Fetch-Site whether a request
/// comes from the same site. Without this header, the Origin header decides. Form tokens are checked in addition.
/// </summary>
internal static class RefuseOtherSites
{
    /// <summary>Whether a request comes from this site, or changes nothing.</summary>
    public static bool IsOwn(HttpRequest request)
    {
        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method))
        {
            return true;
        }

        var site = request.Headers["Sec-Fetch-Site"].ToString();
        if (site.Length != 0)
        {
            return site is "same-origin" or "none";
        }

        var origin = request.Headers[HeaderNames.Origin].ToString();
        return origin.Length == 0
            || (Uri.TryCreate(origin, UriKind.Absolute, out var from)
                && from.Authority.Equals(request.Host.Value, StringComparison.OrdinalIgnoreCase));
    }
}

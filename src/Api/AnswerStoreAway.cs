using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Tracking.Database;

namespace Tracking.Api;

/// <summary>The API's answer when the database is unavailable, or needed longer than a request may take.</summary>
public static class AnswerStoreAway
{
    // A database restarts in seconds. An earlier retry has no use.
    private static readonly TimeSpan _retryAfter = TimeSpan.FromSeconds(5);

    /// <summary>Whether a request failed because the database is unavailable.</summary>
    /// <remarks>A bare <see cref="IOException"/> comes from the client's connection: Npgsql wraps its own.</remarks>
    public static bool IsAway(Exception exception) => exception is not IOException && StoreAway.Is(exception);

    /// <summary>The answer; <see langword="null"/> when the database is not the reason.</summary>
    internal static Problem? Explain(HttpContext context, Exception exception) =>
        StoreAway.IsStatementTimeout(exception) ? TimedOut(context)
        : IsAway(exception) ? Away()
        : null;

    // A slow read will be slow again. A change only waited for others.
    private static Problem TimedOut(HttpContext context) => HttpMethods.IsGet(context.Request.Method)
        ? Problems.TooExpensive(
            context.RequestServices.GetRequiredService<IOptions<DatabaseOptions>>().Value.ApiStatementTimeout)
        : Away();

    private static Problem Away() => Problems.Unavailable("The database", _retryAfter);
}

using System.Net;
using Microsoft.Extensions.Configuration;
using StackExchange.Redis;

namespace Tracking.SharedCache;

/// <summary>Reads <c>ConnectionStrings__redis</c>. Nothing of a wrong one is ever shown: a password with a comma in it
/// falls apart into what looks like keywords and hosts.</summary>
internal static class SharedCacheString
{
    /// <summary>The name of the connection string.</summary>
    public const string ConnectionName = "redis";

    private const string Takes =
        "takes host:port[,host:port…][,password=***][,ssl=true] as StackExchange.Redis has it, "
        + "a password without comma, an IPv6 address as a host name";

    private static readonly TimeSpan LongestHeartbeat = TimeSpan.FromSeconds(1);

    /// <summary>Whether there is a shared cache at all.</summary>
    public static bool IsConfigured(IConfiguration configuration) =>
        !string.IsNullOrWhiteSpace(configuration.GetConnectionString(ConnectionName));

    /// <summary>The line that stops the process, if any.</summary>
    public static IEnumerable<string> Failures(IConfiguration configuration)
    {
        if (IsConfigured(configuration) && Parse(configuration) is null)
        {
            yield return $"ConnectionStrings__{ConnectionName}: got ***, {Takes}";
        }
    }

    /// <summary>What to connect with; nothing connects yet.</summary>
    /// <returns><see langword="null"/> when the string is not one.</returns>
    public static ConfigurationOptions? Parse(IConfiguration configuration)
    {
        try
        {
            var parsed = ConfigurationOptions.Parse(configuration.GetConnectionString(ConnectionName)!);
            // A piece of a password that had a comma would be another server, without a port; a URI would be a host
            // name, password included.
            return parsed.EndPoints.Count > 0 && parsed.EndPoints.All(IsHost)
                && (parsed.EndPoints.Count == 1 || parsed.EndPoints.All(HasPort))
                ? parsed
                : null;
        }
        catch (Exception wrong) when (wrong is ArgumentException or FormatException or OverflowException)
        {
            return null;
        }
    }

    /// <summary>What the process decides itself, whatever the string says of it.</summary>
    public static ConfigurationOptions With(ConfigurationOptions connection, SharedCacheOptions options)
    {
        // Otherwise a Redis that is away at the start would never be found again.
        connection.AbortOnConnectFail = false;
        connection.ConnectRetry = 1;
        connection.ConnectTimeout = (int)options.ConnectTimeout.TotalMilliseconds;
        // No caller waits that long. It is what the library counts in: a connection that is open and silent for four
        // times as long is made anew, since an open socket proves nothing.
        connection.AsyncTimeout = (int)options.ConnectTimeout.TotalMilliseconds;
        // What is asked while there is no connection fails at once and is not kept for later.
        connection.BacklogPolicy = BacklogPolicy.FailFast;
        connection.ReconnectRetryPolicy = new LinearRetry((int)options.RetryAfter.TotalMilliseconds);
        // How often the library looks after timeouts and connections; never less often than by its own default.
        connection.HeartbeatInterval = options.RetryAfter < LongestHeartbeat ? options.RetryAfter : LongestHeartbeat;
        // Neither is used, and each would need a right of its own in Redis.
        connection.TieBreaker = "";
        connection.ConfigurationChannel = "";
        return connection;
    }

    private static bool IsHost(EndPoint endpoint) =>
        endpoint is not DnsEndPoint name || Uri.CheckHostName(name.Host) != UriHostNameType.Unknown;

    private static bool HasPort(EndPoint endpoint) => endpoint switch
    {
        DnsEndPoint name => name.Port > 0,
        IPEndPoint address => address.Port > 0,
        _ => false,
    };
}

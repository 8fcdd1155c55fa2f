using System.Net;
using Microsoft.Extensions.Configuration;
using StackExchange.Redis;

namespace Tracking.SharedCache;

/// <summary>Reads <c>ConnectionStrings__redis</c>. No part of an invalid string is ever shown: a password with a comma
/// splits into parts that look like keywords and hosts.</summary>
internal static class SharedCacheString
{
    /// <summary>The name of the connection string.</summary>
    public const string ConnectionName = "redis";

    private const string Takes =
        "takes host:port[,host:port…][,password=***][,ssl=true] as StackExchange.Redis has it, "
        + "a password without comma, an IPv6 address as a host name";

    private static readonly TimeSpan _longestHeartbeat = TimeSpan.FromSeconds(1);

    /// <summary>Whether a shared cache is configured.</summary>
    public static bool IsConfigured(IConfiguration configuration) =>
        !string.IsNullOrWhiteSpace(configuration.GetConnectionString(ConnectionName));

    /// <summary>The error that stops the process, if any.</summary>
    public static IEnumerable<string> Failures(IConfiguration configuration)
    {
        if (IsConfigured(configuration) && Parse(configuration) is null)
        {
            yield return $"ConnectionStrings__{ConnectionName}: got ***, {Takes}";
        }
    }

    /// <summary>The connection's options; the method does not connect.</summary>
    /// <returns><see langword="null"/> for an invalid string.</returns>
    public static ConfigurationOptions? Parse(IConfiguration configuration)
    {
        try
        {
            var parsed = ConfigurationOptions.Parse(configuration.GetConnectionString(ConnectionName)!);
            // The rest of a password with a comma would be another server without a port. A URI would be a host name,
            // including its password.
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

    /// <summary>Sets the values that the process decides itself, independent of the string.</summary>
    public static ConfigurationOptions With(ConfigurationOptions connection, SharedCacheOptions options)
    {
        // Otherwise a Redis that is unavailable at the start would never be found.
        connection.AbortOnConnectFail = false;
        connection.ConnectRetry = 1;
        connection.ConnectTimeout = (int)options.ConnectTimeout.TotalMilliseconds;
        // No caller waits this long. The library counts in this unit: it replaces an open, silent connection after four
        // times this time, because an open socket proves nothing.
        connection.AsyncTimeout = (int)options.ConnectTimeout.TotalMilliseconds;
        // A command without a connection fails at once and is not stored for later.
        connection.BacklogPolicy = BacklogPolicy.FailFast;
        connection.ReconnectRetryPolicy = new LinearRetry((int)options.RetryAfter.TotalMilliseconds);
        // The interval at which the library checks timeouts and connections; never longer than its own default.
        connection.HeartbeatInterval = options.RetryAfter < _longestHeartbeat ? options.RetryAfter : _longestHeartbeat;
        // These features are not used, and each would need a right of its own in Redis.
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

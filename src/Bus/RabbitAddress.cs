using System.Reflection;
using Microsoft.Extensions.Configuration;
using RabbitMQ.Client;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.Bus;

/// <summary>The broker of <c>ConnectionStrings__rabbitmq</c>.</summary>
public sealed class RabbitAddress
{
    /// <summary>The name of the connection string.</summary>
    public const string ConnectionName = "rabbitmq";

    // RabbitMQ's own limit. With the client's default of 64 MiB a larger message would break the connection again and
    // again.
    private const uint LargestMessage = 512 * 1024 * 1024;

    private const string Takes = "takes amqp://user:password@host:5672/virtual-host (or amqps://…:5671), every "
        + "character of user, password and virtual host that is not a letter or digit percent-encoded";

    private readonly Uri _uri;

    private RabbitAddress(Uri uri)
    {
        _uri = uri;
        Parts = CreateFactory(TimeSpan.Zero);
    }

    /// <summary>Host, port, virtual host, user and password.</summary>
    internal ConnectionFactory Parts { get; }

    /// <summary>The broker's host and port, without user and password.</summary>
    public override string ToString() => $"{Parts.HostName}:{Parts.Port}";

    /// <summary>Reads the connection string.</summary>
    /// <returns><see langword="null"/> without a connection string: the bus is in memory.</returns>
    /// <exception cref="StartUpException">The string is not an AMQP URI. The message does not repeat it, because it
    /// contains a password.</exception>
    public static RabbitAddress? Read(IConfiguration configuration)
    {
        if (configuration.GetConnectionString(ConnectionName) is not { } text || string.IsNullOrWhiteSpace(text))
        {
            return null;
        }

        if (!Uri.TryCreate(text.Trim(), UriKind.Absolute, out var uri))
        {
            throw Wrong("not a URI");
        }

        if (uri.Scheme is not ("amqp" or "amqps"))
        {
            throw Wrong("does not begin with amqp:// or amqps://");
        }

        if (uri.Host.Length == 0)
        {
            throw Wrong("names no host");
        }

        // RFC 3986 leaves the format to the scheme. Since 7.2 RabbitMQ's client reads all text after the first colon as
        // the password. With two colons the beginning of the password is uncertain, so the string is refused.
        if (uri.UserInfo.AsSpan().Count(':') > 1)
        {
            throw Wrong("has a ':' in user or password that is not percent-encoded");
        }

        if (uri.Query.Length > 0 || uri.Fragment.Length > 0)
        {
            throw Wrong("has a '?' or '#', which has no meaning here");
        }

        try
        {
            return new RabbitAddress(uri);
        }
        catch (ArgumentException)
        {
            throw Wrong("has user, password or virtual host in an invalid form");
        }
    }

    /// <summary>Creates a factory of connections.</summary>
    /// <param name="heartbeat">See <see cref="MessagingOptions.Heartbeat"/>.</param>
    internal ConnectionFactory CreateFactory(TimeSpan heartbeat)
    {
        var factory = new ConnectionFactory { Uri = _uri };
        Apply(factory, heartbeat);
        return factory;
    }

    /// <summary>Sets values that the bus library cannot configure, or configures less strictly.</summary>
    internal void Apply(ConnectionFactory factory, TimeSpan heartbeat)
    {
        factory.RequestedHeartbeat = heartbeat;
        factory.MaxInboundMessageBodySize = LargestMessage;
        factory.AutomaticRecoveryEnabled = false;
        factory.TopologyRecoveryEnabled = false;

        // Heartbeats must notice a stopped broker first. They end the connection, and everything on it is tried again.
        // A declaration that times out would end its queue's consumer instead.
        factory.ContinuationTimeout = TimeSpan.FromMinutes(2);
        factory.HandshakeContinuationTimeout = TimeSpan.FromSeconds(10);
        factory.RequestedConnectionTimeout = TimeSpan.FromSeconds(10);
        factory.ClientProvidedName = Assembly.GetEntryAssembly()?.GetName().Name;
        factory.Ssl = _uri.Scheme == "amqps"
            ? new SslOption(_uri.DnsSafeHost, enabled: true)
            : new SslOption();
    }

    private static StartUpException Wrong(string problem) =>
        new($"ConnectionStrings__{ConnectionName}: {problem}; {Takes}");
}

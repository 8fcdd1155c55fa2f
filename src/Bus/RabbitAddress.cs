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

    // RabbitMQ's own ceiling. The client's default of 64 MiB would break the connection over a larger message, for
    // ever.
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

    /// <summary>Where it is, without user and password.</summary>
    public override string ToString() => $"{Parts.HostName}:{Parts.Port}";

    /// <summary>Reads the connection string.</summary>
    /// <returns><see langword="null"/> when there is none: the bus is in memory.</returns>
    /// <exception cref="StartUpException">It is not an AMQP URI. The message does not repeat it: it has a
    /// password.</exception>
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

        // RFC 3986 leaves it to the scheme; RabbitMQ's client reads all after the first colon as the password since 7.2.
        // Where the password begins is not ours to guess.
        if (uri.UserInfo.AsSpan().Count(':') > 1)
        {
            throw Wrong("has a ':' in user or password that is not percent-encoded");
        }

        if (uri.Query.Length > 0 || uri.Fragment.Length > 0)
        {
            throw Wrong("has a '?' or '#', which nothing here reads");
        }

        try
        {
            return new RabbitAddress(uri);
        }
        catch (ArgumentException)
        {
            throw Wrong("has user, password or virtual host in a form that is not understood");
        }
    }

    /// <summary>How to connect.</summary>
    /// <param name="heartbeat">See <see cref="MessagingOptions.Heartbeat"/>.</param>
    internal ConnectionFactory CreateFactory(TimeSpan heartbeat)
    {
        var factory = new ConnectionFactory { Uri = _uri };
        Apply(factory, heartbeat);
        return factory;
    }

    /// <summary>Sets what the bus library's own configuration has no words for, or sets laxer.</summary>
    internal void Apply(ConnectionFactory factory, TimeSpan heartbeat)
    {
        factory.RequestedHeartbeat = heartbeat;
        factory.MaxInboundMessageBodySize = LargestMessage;
        factory.AutomaticRecoveryEnabled = false;
        factory.TopologyRecoveryEnabled = false;

        // Heartbeats must be the first to notice that the broker stands still: they end the connection, and everything
        // on it is tried again. A declaration that times out would end its queue's consumer instead.
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

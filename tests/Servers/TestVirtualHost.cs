using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Tracking.Servers;

/// <summary>A message from a queue.</summary>
/// <param name="Body">The message's bytes.</param>
/// <param name="Properties">The message's properties and headers.</param>
/// <param name="Redelivered">Whether the message was delivered before.</param>
public sealed record TakenMessage(byte[] Body, IReadOnlyBasicProperties Properties, bool Redelivered);

/// <summary>A virtual host of a <see cref="TestRabbit"/>, with the operations of tests.</summary>
public sealed class TestVirtualHost
{
    private readonly HttpClient _management;

    internal TestVirtualHost(string name, Uri amqpUri, HttpClient management) =>
        (Name, AmqpUri, _management) = (name, amqpUri, management);

    /// <summary>The virtual host's name.</summary>
    public string Name { get; }

    /// <summary>The user in <see cref="AmqpUri"/>.</summary>
    public string User => AmqpUri.UserInfo.Split(':')[0];

    /// <summary>The URI with user, password and this virtual host: the value of
    /// <c>ConnectionStrings__rabbitmq</c>.</summary>
    public Uri AmqpUri { get; }

    /// <summary>The same virtual host for a new account, which is not an administrator and has only these
    /// permissions.</summary>
    /// <param name="configure">The names that the account may declare and delete: a regular expression of
    /// <c>rabbitmqctl set_permissions</c>.</param>
    /// <param name="write">The names that the account may publish to.</param>
    /// <param name="read">The names that the account may read.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public async Task<TestVirtualHost> AsNewAccountAsync(
        string configure, string write, string read, CancellationToken cancellationToken)
    {
        var account = $"account-{Guid.NewGuid():N}";
        var password = RandomNumberGenerator.GetHexString(24, lowercase: true);
        using var added = await _management.PutAsJsonAsync(
            $"users/{account}", new { password, tags = "" }, cancellationToken);
        added.EnsureSuccessStatusCode();
        using var permitted = await _management.PutAsJsonAsync(
            $"permissions/{Uri.EscapeDataString(Name)}/{account}",
            new { configure, write, read },
            cancellationToken);
        permitted.EnsureSuccessStatusCode();
        var uri = new UriBuilder(AmqpUri) { UserName = account, Password = password };
        return new TestVirtualHost(Name, uri.Uri, _management);
    }

    /// <summary>Defines a shovel, like <c>rabbitmqctl set_parameter shovel</c>.</summary>
    /// <param name="name">The shovel's name.</param>
    /// <param name="value">The shovel's definition.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public async Task AddShovelAsync(string name, JsonNode value, CancellationToken cancellationToken)
    {
        using var added = await _management.PutAsJsonAsync(
            $"parameters/shovel/{Uri.EscapeDataString(Name)}/{name}", new { value }, cancellationToken);
        added.EnsureSuccessStatusCode();
    }

    /// <summary>A connection like that of another program's client; dispose it.</summary>
    public Task<IConnection> ConnectAsync(CancellationToken cancellationToken) =>
        new ConnectionFactory { Uri = AmqpUri, AutomaticRecoveryEnabled = false }.CreateConnectionAsync(
            cancellationToken);

    /// <summary>The management's information about a queue. Its counts are seconds old.</summary>
    /// <returns><see langword="null"/> for a missing queue.</returns>
    public async Task<JsonObject?> FindQueueAsync(string queue, CancellationToken cancellationToken)
    {
        using var answer = await _management.GetAsync(
            $"queues/{Uri.EscapeDataString(Name)}/{Uri.EscapeDataString(queue)}", cancellationToken);
        return answer.StatusCode == HttpStatusCode.NotFound
            ? null
            : await answer.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonObject>(cancellationToken);
    }

    /// <summary>The names of all queues.</summary>
    public async Task<IReadOnlyList<string>> QueuesAsync(CancellationToken cancellationToken)
    {
        var queues = await _management.GetFromJsonAsync<JsonArray>(
            $"queues/{Uri.EscapeDataString(Name)}?columns=name", cancellationToken);
        return [.. queues!.Select(queue => (string)queue!["name"]!).Order(StringComparer.Ordinal)];
    }

    /// <summary>Whether an exchange is bound to a queue.</summary>
    public async Task<bool> IsBoundAsync(string exchange, string queue, CancellationToken cancellationToken)
    {
        using var answer = await _management.GetAsync(
            $"bindings/{Uri.EscapeDataString(Name)}/e/{Uri.EscapeDataString(exchange)}/q/{Uri.EscapeDataString(queue)}",
            cancellationToken);
        return answer.StatusCode != HttpStatusCode.NotFound
            && (await answer.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonArray>(cancellationToken))!
                .Count > 0;
    }

    /// <summary>The number of messages waiting in a queue, without those that a consumer holds.</summary>
    /// <returns>-1 for a missing queue.</returns>
    public Task<long> CountReadyAsync(string queue, CancellationToken cancellationToken) =>
        CountAsync(channel => channel.MessageCountAsync(queue, cancellationToken), cancellationToken);

    /// <summary>The number of a queue's consumers.</summary>
    /// <returns>-1 for a missing queue.</returns>
    public Task<long> CountConsumersAsync(string queue, CancellationToken cancellationToken) =>
        CountAsync(channel => channel.ConsumerCountAsync(queue, cancellationToken), cancellationToken);

    /// <summary>Waits for a message of a queue and takes it.</summary>
    public async Task<TakenMessage> TakeAsync(string queue, CancellationToken cancellationToken)
    {
        await using var connection = await ConnectAsync(cancellationToken);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
        BasicGetResult? got = null;
        await Eventually.HoldsAsync(
            async () => (got = await channel.BasicGetAsync(queue, autoAck: true, cancellationToken)) is not null,
            $"a message in {queue}",
            cancellationToken);
        return new TakenMessage(got!.Body.ToArray(), new BasicProperties(got.BasicProperties), got.Redelivered);
    }

    /// <summary>Publishes to an exchange and waits until the broker has the message.</summary>
    public async Task PublishAsync(
        string exchange,
        string routingKey,
        ReadOnlyMemory<byte> body,
        CancellationToken cancellationToken,
        BasicProperties? properties = null)
    {
        await using var connection = await ConnectAsync(cancellationToken);
        await using var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(true, true), cancellationToken);
        await channel.BasicPublishAsync(
            exchange, routingKey, mandatory: true, properties ?? new BasicProperties(), body, cancellationToken);
    }

    /// <summary>Adds the users of <c>deploy/make-secrets</c>, with their permissions for this virtual host.</summary>
    /// <param name="definitions">The form of <c>rabbitmqctl import_definitions</c>.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public async Task AddAccountsAsync(string definitions, CancellationToken cancellationToken)
    {
        var document = JsonNode.Parse(definitions)!.AsObject();
        document.Remove("vhosts");
        foreach (var permission in document["permissions"]!.AsArray())
        {
            permission!["vhost"] = Name;
        }

        using var imported = await _management.PostAsJsonAsync("definitions", document, cancellationToken);
        imported.EnsureSuccessStatusCode();
    }

    /// <summary>Lets the broker close all connections of this virtual host.</summary>
    public async Task CloseConnectionsAsync(CancellationToken cancellationToken)
    {
        var connections = await _management.GetFromJsonAsync<JsonArray>(
            $"vhosts/{Uri.EscapeDataString(Name)}/connections", cancellationToken);
        foreach (var connection in connections!)
        {
            using var closed = await _management.DeleteAsync(
                $"connections/{Uri.EscapeDataString((string)connection!["name"]!)}", cancellationToken);
        }
    }

    private async Task<long> CountAsync(Func<IChannel, Task<uint>> count, CancellationToken cancellationToken)
    {
        await using var connection = await ConnectAsync(cancellationToken);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
        try
        {
            return await count(channel);
        }
        catch (OperationInterruptedException gone) when (gone.ShutdownReason?.ReplyCode == Constants.NotFound)
        {
            return -1;
        }
    }
}

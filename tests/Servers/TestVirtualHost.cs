using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Tracking.Servers;

/// <summary>A message taken off a queue.</summary>
/// <param name="Body">Its bytes.</param>
/// <param name="Properties">Its properties and headers.</param>
/// <param name="Redelivered">Whether it was delivered before.</param>
public sealed record TakenMessage(byte[] Body, IReadOnlyBasicProperties Properties, bool Redelivered);

/// <summary>A virtual host of a <see cref="TestRabbit"/>, and what a test asks of it.</summary>
public sealed class TestVirtualHost
{
    private readonly HttpClient _management;

    internal TestVirtualHost(string name, Uri amqpUri, HttpClient management) =>
        (Name, AmqpUri, _management) = (name, amqpUri, management);

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>The user in <see cref="AmqpUri"/>.</summary>
    public string User => AmqpUri.UserInfo.Split(':')[0];

    /// <summary>With user, password and this virtual host: the value of <c>ConnectionStrings__rabbitmq</c>.</summary>
    public Uri AmqpUri { get; }

    /// <summary>The same virtual host for a new account, which is no administrator and has these permissions on it
    /// alone.</summary>
    /// <param name="configure">What it may declare and delete: a regular expression, as <c>rabbitmqctl
    /// set_permissions</c> takes it.</param>
    /// <param name="write">Where it may publish.</param>
    /// <param name="read">What it may read.</param>
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

    /// <summary>Defines a shovel, as <c>rabbitmqctl set_parameter shovel</c> does.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="value">Its definition.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public async Task AddShovelAsync(string name, JsonNode value, CancellationToken cancellationToken)
    {
        using var added = await _management.PutAsJsonAsync(
            $"parameters/shovel/{Uri.EscapeDataString(Name)}/{name}", new { value }, cancellationToken);
        added.EnsureSuccessStatusCode();
    }

    /// <summary>A connection of a client that knows nothing of ours; dispose it.</summary>
    public Task<IConnection> ConnectAsync(CancellationToken cancellationToken) =>
        new ConnectionFactory { Uri = AmqpUri, AutomaticRecoveryEnabled = false }.CreateConnectionAsync(
            cancellationToken);

    /// <summary>What the broker's management says of a queue; its counts are seconds old.</summary>
    /// <returns><see langword="null"/> when there is no such queue.</returns>
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

    /// <summary>Whether an exchange leads to a queue.</summary>
    public async Task<bool> IsBoundAsync(string exchange, string queue, CancellationToken cancellationToken)
    {
        using var answer = await _management.GetAsync(
            $"bindings/{Uri.EscapeDataString(Name)}/e/{Uri.EscapeDataString(exchange)}/q/{Uri.EscapeDataString(queue)}",
            cancellationToken);
        return answer.StatusCode != HttpStatusCode.NotFound
            && (await answer.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonArray>(cancellationToken))!
                .Count > 0;
    }

    /// <summary>Messages that wait in a queue at this moment, without those that a consumer holds.</summary>
    /// <returns>-1 when there is no such queue.</returns>
    public async Task<long> CountReadyAsync(string queue, CancellationToken cancellationToken)
    {
        await using var connection = await ConnectAsync(cancellationToken);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
        try
        {
            return await channel.MessageCountAsync(queue, cancellationToken);
        }
        catch (OperationInterruptedException gone) when (gone.ShutdownReason?.ReplyCode == Constants.NotFound)
        {
            return -1;
        }
    }

    /// <summary>Takes a message off a queue, waiting for one.</summary>
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

    /// <summary>Publishes to an exchange and waits until the broker has taken it.</summary>
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
    /// <param name="definitions">In the form of <c>rabbitmqctl import_definitions</c>.</param>
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

    /// <summary>Closes all connections of this virtual host from the broker's side.</summary>
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
}

using MassTransit;
using MassTransit.Serialization;
using Tracking.Bus;
using Tracking.Rewrite.Queue;
using Tracking.Servers;

namespace Tracking.Benchmarks;

/// <summary>A message in the default form of MassTransit.</summary>
public sealed record ForwardedLetter
{
    /// <summary>The raw message.</summary>
    public required byte[] Mail { get; init; }
}

/// <summary>
/// The minimal consumer over MassTransit: it sends each message to another quorum queue, and acknowledges it after the
/// confirm. The form is JSON (the default: an envelope with the bytes as base64) or raw. It is a separate process with
/// the rewriter's garbage collector.
/// </summary>
internal static class ForwardMail
{
    public const string JsonIn = "forward-json";
    public const string JsonOut = "forwarded-json";
    public const string RawIn = "forward-raw";
    public const string RawOut = "forwarded-raw";

    /// <summary>The header that identifies a message.</summary>
    public const string Id = "x-id";

    /// <summary>The rewriter's default.</summary>
    public static readonly int Prefetch = new RewriteQueueSettings().Prefetch;

    /// <summary>The rewriter's default.</summary>
    public static readonly int Concurrency = new RewriteQueueSettings().Concurrency;

    private static readonly SystemTextJsonMessageSerializer _json = new();

    /// <summary>The body that a publisher over MassTransit sends.</summary>
    public static byte[] Envelope(byte[] mail) => _json.GetMessageBody(
        new MassTransit.Context.MessageSendContext<ForwardedLetter>(new ForwardedLetter { Mail = mail })
        {
            MessageId = NewId.NextGuid(),
        }).GetBytes();

    public static string EnvelopeType => _json.ContentType.ToString();

    /// <summary>Starts one process that forwards both forms.</summary>
    /// <param name="host">The virtual host of the queues.</param>
    /// <param name="folder">The working directory.</param>
    /// <param name="isTuned">Whether to use the rewriter's prefetch and concurrency instead of MassTransit's
    /// defaults.</param>
    public static Task<ServerProcess> StartAsync(TestVirtualHost host, string folder, bool isTuned) =>
        ServerProcess.StartAsync(
            [Environment.ProcessPath!, "forward-mail", host.AmqpUri.AbsoluteUri, isTuned ? "tuned" : "bare"],
            folder,
            new Dictionary<string, string>
            {
                ["DOTNET_gcServer"] = "1",
                ["HOME"] = folder,
                ["DOTNET_ROOT"] = Environment.GetEnvironmentVariable("DOTNET_ROOT") ?? "",
            });

    /// <summary>The process's program. It runs until it is killed.</summary>
    public static async Task RunAsync(string uri, bool isTuned)
    {
        var bus = MassTransit.Bus.Factory.CreateUsingRabbitMq(transport =>
        {
            transport.Host(new Uri(uri));
            transport.ReceiveEndpoint(JsonIn, queue =>
            {
                Declare(queue, JsonOut, isTuned);
                queue.ConfigureConsumeTopology = false;
                queue.Handler<ForwardedLetter>(async letter =>
                {
                    var output = await letter.GetSendEndpoint(new Uri($"exchange:{JsonOut}"));
                    await output.Send(letter.Message, context => CopyId(letter, context));
                });
            });
            transport.ReceiveEndpoint(RawIn, queue =>
            {
                Declare(queue, RawOut, isTuned);
                ReadDelivery.Use(queue);
                queue.Handler<QueuedMessage>(async letter =>
                {
                    var output = await letter.GetSendEndpoint(new Uri($"exchange:{RawOut}"));
                    await output.Send(letter.Message, context =>
                    {
                        context.Serializer = RawBytes.Instance;
                        CopyId(letter, context);
                    });
                });
            });
        });
        await bus.StartAsync();
        await Task.Delay(Timeout.Infinite);
    }

    private static void CopyId(ConsumeContext from, SendContext to) =>
        to.Headers.Set(Id, from.ReceiveContext.TransportHeaders.Get<string>(Id));

    private static void Declare(IRabbitMqReceiveEndpointConfigurator queue, string output, bool isTuned)
    {
        if (isTuned)
        {
            queue.PrefetchCount = Prefetch;
            queue.ConcurrentMessageLimit = Concurrency;
        }

        Limit(queue, $"{output}.dead");
        queue.BindDeadLetterQueue($"{output}.dead", $"{output}.dead", letters => letters.SetQuorumQueue());
        queue.BindDeadLetterQueue(output, output, written => Limit(written, $"{output}.dead"));
        queue.SetQueueArgument("x-dead-letter-exchange", $"{output}.dead");
    }

    // The queues have the rewriter's arguments, so that their cost at the broker is the same.
    private static void Limit(IRabbitMqQueueConfigurator queue, string deadLetters)
    {
        var limits = new MessagingOptions();
        queue.SetQuorumQueue();
        queue.SetQueueArgument("x-overflow", "reject-publish");
        queue.SetQueueArgument("x-max-length-bytes", limits.MaxQueueBytes);
        queue.SetQueueArgument("x-delivery-limit", limits.DeliveryLimit);
        queue.SetQueueArgument("x-dead-letter-exchange", deadLetters);
        queue.SetQueueArgument("x-dead-letter-strategy", "at-least-once");
    }

    private sealed class RawBytes : IMessageSerializer
    {
        public static readonly RawBytes Instance = new();

        public System.Net.Mime.ContentType ContentType { get; } = new("message/rfc822");

        public MessageBody GetMessageBody<T>(SendContext<T> context)
            where T : class => new Bytes(((QueuedMessage)(object)context.Message).Body);
    }

    private sealed class Bytes(ReadOnlyMemory<byte> body) : MessageBody
    {
        public long? Length => body.Length;

        public Stream GetStream() => throw new NotSupportedException();

        public byte[] GetBytes() => System.Runtime.InteropServices.MemoryMarshal.TryGetArray(body, out var array)
            && array.Count == array.Array!.Length
                ? array.Array
                : body.ToArray();

        public string GetString() => throw new NotSupportedException();
    }
}

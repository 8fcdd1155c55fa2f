using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Queue;

/// <summary>The answer to a plain AMQP client.</summary>
internal sealed record Answer(byte[] Body, JsonObject Headers, JsonObject Properties)
{
    public string Text => Encoding.Latin1.GetString(Body);

    public string? Header(string name) => Headers[name]?.ToString();
}

/// <summary>
/// Independent AMQP clients (amqp-tools, pika) as processes, which send and receive messages like an MTA.
/// </summary>
internal static class PlainClients
{
    private static CancellationToken Ends => TestContext.Current.CancellationToken;

    /// <summary><c>amqp-publish</c> to the exchange <c>rewrite</c>: raw bytes, without properties unless an argument
    /// adds them.</summary>
    public static async Task AmqpPublishAsync(TestVirtualHost broker, byte[] body, params string[] arguments) =>
        await RunAsync("amqp-publish", ["-u", broker.AmqpUri.OriginalString, "-e", "rewrite", .. arguments], body);

    /// <summary>Runs <c>amqp-get</c> until there is a message.</summary>
    public static async Task<byte[]> AmqpGetAsync(TestVirtualHost broker, string queue)
    {
        byte[]? body = null;
        await Eventually.HoldsAsync(
            async () =>
            {
                var (code, output) = await TryRunAsync(
                    "amqp-get", ["-u", broker.AmqpUri.OriginalString, "-q", queue], []);
                body = output;
                return code == 0;
            },
            $"a message in {queue}",
            Ends);
        return body!;
    }

    /// <summary>Publishes to the exchange <c>rewrite</c> by pika and waits for the answer.</summary>
    /// <param name="broker">The virtual host.</param>
    /// <param name="body">The body.</param>
    /// <param name="properties">AMQP properties by pika's names.</param>
    /// <param name="headers">Headers.</param>
    /// <param name="awaited">The queue to wait on; empty: a new one, named in <c>reply_to</c>; <see langword="null"/>:
    /// do not wait.</param>
    public static async Task<Answer> PublishAsync(
        TestVirtualHost broker,
        byte[] body,
        object? properties = null,
        object? headers = null,
        string? awaited = "rewritten")
    {
        var request = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object?>
        {
            ["url"] = broker.AmqpUri.OriginalString,
            ["body"] = Convert.ToBase64String(body),
            ["properties"] = properties,
            ["headers"] = headers,
            ["await"] = awaited,
        });
        // Debian's Python, because Debian's pika belongs to it.
        var script = Path.Combine(
            BuiltPrograms.Repository, "tests", "Functional.Tests", "Queue", "publish_and_await.py");
        var output = await RunAsync("/usr/bin/python3", [script], request);
        var answer = JsonNode.Parse(output)!.AsObject();
        return new Answer(
            Convert.FromBase64String((string?)answer["body"] ?? ""),
            answer["headers"]?.AsObject() ?? [],
            answer["properties"]?.AsObject() ?? []);
    }

    /// <summary>A header of a message from a queue.</summary>
    public static string? Text(TakenMessage message, string header) =>
        message.Properties.Headers?[header] is byte[] value ? Encoding.UTF8.GetString(value) : null;

    private static async Task<byte[]> RunAsync(string program, IEnumerable<string> arguments, byte[] input)
    {
        var (code, output) = await TryRunAsync(program, arguments, input);
        Assert.True(code == 0, $"{program} ended with {code}.");
        return output;
    }

    private static async Task<(int Code, byte[] Output)> TryRunAsync(
        string program, IEnumerable<string> arguments, byte[] input)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        await process.StandardInput.BaseStream.WriteAsync(input, Ends);
        process.StandardInput.Close();
        using var output = new MemoryStream();
        await process.StandardOutput.BaseStream.CopyToAsync(output, Ends);
        await process.WaitForExitAsync(Ends);
        return (process.ExitCode, output.ToArray());
    }
}

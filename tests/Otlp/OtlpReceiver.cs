using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Tracking.Otlp;

/// <summary>The two ways OTLP travels.</summary>
public enum OtlpProtocol
{
    /// <summary>HTTP/1.1 with protobuf bodies.</summary>
    HttpProtobuf,

    /// <summary>gRPC over HTTP/2 without TLS.</summary>
    Grpc,
}

/// <summary>
/// A collector on a loopback port: keeps whatever is sent to it. Give <see cref="Variables"/> to the process under
/// test, then wait for what it should send.
/// </summary>
public sealed class OtlpReceiver : IAsyncDisposable
{
    /// <summary>How often the waits look.</summary>
    private static readonly TimeSpan _poll = TimeSpan.FromMilliseconds(20);

    private readonly WebApplication _app;
    private readonly OtlpProtocol _protocol;
    private readonly ConcurrentQueue<ReceivedSpan> _spans = new();
    private readonly ConcurrentQueue<ReceivedMetric> _metrics = new();
    private readonly ConcurrentQueue<ReceivedLog> _logs = new();
    private readonly ConcurrentQueue<IReadOnlyDictionary<string, string>> _headers = new();

    private OtlpReceiver(OtlpProtocol protocol)
    {
        _protocol = protocol;
        // The smallest builder: it reads no variables, which are meant for the process under test.
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(
            System.Net.IPAddress.Loopback,
            0,
            listen => listen.Protocols =
                protocol == OtlpProtocol.Grpc ? HttpProtocols.Http2 : HttpProtocols.Http1));
        builder.Logging.ClearProviders();
        // Under its own name: a process under test that is this process must not hear of requests to the receiver.
        builder.Services.AddSingleton(new ActivitySource("OtlpReceiver"));
        _app = builder.Build();
        _app.Run(ReceiveAsync);
    }

    /// <summary>What to set <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> to.</summary>
    public string Endpoint => _app.Urls.Single();

    /// <summary>The environment of a process that is to send here, without delay.</summary>
    public IReadOnlyDictionary<string, string> Variables => new Dictionary<string, string>
    {
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = Endpoint,
        ["OTEL_EXPORTER_OTLP_PROTOCOL"] = _protocol == OtlpProtocol.Grpc ? "grpc" : "http/protobuf",
        ["OTEL_BSP_SCHEDULE_DELAY"] = "100",
        ["OTEL_BLRP_SCHEDULE_DELAY"] = "100",
        ["OTEL_METRIC_EXPORT_INTERVAL"] = "200",
    };

    /// <summary>All spans so far, in order of arrival.</summary>
    public IReadOnlyCollection<ReceivedSpan> Spans => _spans;

    /// <summary>All metrics so far; each export adds its own.</summary>
    public IReadOnlyCollection<ReceivedMetric> Metrics => _metrics;

    /// <summary>All log records so far.</summary>
    public IReadOnlyCollection<ReceivedLog> Logs => _logs;

    /// <summary>The headers of each export so far.</summary>
    public IReadOnlyCollection<IReadOnlyDictionary<string, string>> Headers => _headers;

    /// <summary>Starts one on a free port.</summary>
    public static async Task<OtlpReceiver> StartAsync(
        OtlpProtocol protocol = OtlpProtocol.HttpProtobuf, CancellationToken cancellationToken = default)
    {
        var receiver = new OtlpReceiver(protocol);
        await receiver._app.StartAsync(cancellationToken);
        return receiver;
    }

    /// <summary>The first span that fits.</summary>
    /// <exception cref="TimeoutException">None came in time; the message lists what did.</exception>
    public Task<ReceivedSpan> WaitForSpanAsync(Func<ReceivedSpan, bool> fits, TimeSpan deadline) =>
        WaitAsync(_spans, fits, deadline, span => $"{span.Scope}: {span.Name}");

    /// <summary>The first metric that fits.</summary>
    /// <exception cref="TimeoutException">None came in time; the message lists what did.</exception>
    public Task<ReceivedMetric> WaitForMetricAsync(Func<ReceivedMetric, bool> fits, TimeSpan deadline) =>
        WaitAsync(_metrics, fits, deadline, metric => $"{metric.Scope}: {metric.Name}");

    /// <summary>The first log record that fits.</summary>
    /// <exception cref="TimeoutException">None came in time; the message lists what did.</exception>
    public Task<ReceivedLog> WaitForLogAsync(Func<ReceivedLog, bool> fits, TimeSpan deadline) =>
        WaitAsync(_logs, fits, deadline, log => $"{log.Scope}: {log.Body}");

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static async Task<T> WaitAsync<T>(
        ConcurrentQueue<T> received, Func<T, bool> fits, TimeSpan deadline, Func<T, string> name)
        where T : class
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            if (received.FirstOrDefault(fits) is { } found)
            {
                return found;
            }

            if (TimeProvider.System.GetElapsedTime(start) > deadline)
            {
                throw new TimeoutException(
                    $"Not received within {deadline.TotalSeconds} s; received: "
                    + string.Join("; ", received.Select(name).Distinct()));
            }

            await Task.Delay(_poll);
        }
    }

    private async Task ReceiveAsync(HttpContext context)
    {
        var grpc = context.Request.ContentType?.StartsWith("application/grpc", StringComparison.Ordinal) == true;
        var message = await ReadAsync(context.Request, grpc);
        _headers.Enqueue(context.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString()));
        switch (context.Request.Path.Value)
        {
            case "/v1/traces" or "/opentelemetry.proto.collector.trace.v1.TraceService/Export":
                ReadExports.Spans(message).ForEach(_spans.Enqueue);
                break;
            case "/v1/metrics" or "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export":
                ReadExports.Metrics(message).ForEach(_metrics.Enqueue);
                break;
            case "/v1/logs" or "/opentelemetry.proto.collector.logs.v1.LogsService/Export":
                ReadExports.Logs(message).ForEach(_logs.Enqueue);
                break;
            default:
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                return;
        }

        context.Response.ContentType = grpc ? "application/grpc" : "application/x-protobuf";
        if (grpc)
        {
            // An empty response message, in gRPC's frame: not compressed, length 0.
            context.Response.DeclareTrailer("grpc-status");
            await context.Response.Body.WriteAsync(new byte[5]);
            context.Response.AppendTrailer("grpc-status", 0.ToString(CultureInfo.InvariantCulture));
        }
    }

    private static async Task<byte[]> ReadAsync(HttpRequest request, bool grpc)
    {
        var body = new MemoryStream();
        await request.Body.CopyToAsync(body);
        var bytes = body.ToArray();
        var compressed = grpc ? bytes[0] == 1 : request.Headers.ContentEncoding == "gzip";
        var message = grpc ? bytes[5..] : bytes;
        if (!compressed)
        {
            return message;
        }

        var plain = new MemoryStream();
        await using var gzip = new GZipStream(new MemoryStream(message), CompressionMode.Decompress);
        await gzip.CopyToAsync(plain);
        return plain.ToArray();
    }
}

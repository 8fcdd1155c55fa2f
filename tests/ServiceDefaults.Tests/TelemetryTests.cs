using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Tracking.Otlp;
using Tracking.ServiceDefaults.Hosting;
using Tracking.ServiceDefaults.Telemetry;

namespace Tracking.ServiceDefaults.Tests;

public sealed partial class TelemetryTests
{
    private static readonly TimeSpan _deadline = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(OtlpProtocol.HttpProtobuf)]
    [InlineData(OtlpProtocol.Grpc)]
    public async Task A_request_arrives_as_span_metric_and_log_in_one_trace(OtlpProtocol protocol)
    {
        await using var receiver = await OtlpReceiver.StartAsync(protocol, TestContext.Current.CancellationToken);
        using var source = new ActivitySource("Tracking.TelemetryTests");
        await using var host = await TestHost.StartAsync(receiver.Variables, map: app =>
            app.MapGet("/clusters/{cluster}", (string cluster, ILogger<TelemetryTests> logger) =>
            {
                using var inner = source.StartActivity("look up");
                using var scope = logger.BeginScope(new Dictionary<string, object> { ["cluster"] = cluster });
                LogLooked(logger, cluster);
                return cluster;
            }));

        await host.Client.GetStringAsync("/clusters/abc", TestContext.Current.CancellationToken);

        var server = await receiver.WaitForSpanAsync(span => span.Name == "GET /clusters/{cluster}", _deadline);
        Assert.Equal("Microsoft.AspNetCore", server.Scope);
        Assert.Equal("/clusters/{cluster}", server.Attributes["http.route"]);
        Assert.Equal("200", server.Attributes["http.response.status_code"]);
        Assert.Equal("GET", server.Attributes["http.request.method"]);
        Assert.Equal(0, server.Status);

        var inside = await receiver.WaitForSpanAsync(span => span.Name == "look up", _deadline);
        Assert.Equal((server.TraceId, server.SpanId), (inside.TraceId, inside.ParentSpanId));

        var log = await receiver.WaitForLogAsync(record => record.Body == "Looked for abc", _deadline);
        Assert.Equal((inside.TraceId, inside.SpanId), (log.TraceId, log.SpanId));
        Assert.Equal("abc", log.Attributes["cluster"]);

        var metric = await receiver.WaitForMetricAsync(
            one => one.Name == "http.server.request.duration"
                && one.Points.Any(point => point.Attributes.GetValueOrDefault("http.route") == "/clusters/{cluster}"),
            _deadline);
        Assert.Equal("s", metric.Unit);
        await receiver.WaitForMetricAsync(one => one.Scope == "System.Runtime", _deadline);
    }

    [Fact]
    public async Task A_path_without_route_is_named_by_its_method_and_shows_no_token()
    {
        await using var receiver = await OtlpReceiver.StartAsync(
            cancellationToken: TestContext.Current.CancellationToken);
        await using var host = await TestHost.StartAsync(receiver.Variables);
        var token = new string('A', 39) + "b";
        using var odd = new HttpRequestMessage(new("PURGE"), "/odd");

        await host.Client.GetAsync($"/shoes/red-{token}?q=1", TestContext.Current.CancellationToken);
        await host.Client.SendAsync(odd, TestContext.Current.CancellationToken);

        var click = await receiver.WaitForSpanAsync(
            span => span.Attributes.GetValueOrDefault("url.path") == "/shoes/red-{token}", _deadline);
        Assert.Equal("GET", click.Name);
        Assert.DoesNotContain(click.Attributes.Values, value => value.Contains(token, StringComparison.Ordinal));
        Assert.DoesNotContain("url.query", click.Attributes.Keys);
        var purge = await receiver.WaitForSpanAsync(
            span => span.Kind == 2 && span.Attributes.GetValueOrDefault("url.path") == "/odd", _deadline);
        Assert.Equal("HTTP", purge.Name);
    }

    [Fact]
    public async Task Our_own_meters_and_links_between_traces_arrive()
    {
        await using var receiver = await OtlpReceiver.StartAsync(
            cancellationToken: TestContext.Current.CancellationToken);
        using var source = new ActivitySource("Tracking.TelemetryTests");
        using var meter = new Meter("Tracking.TelemetryTests");
        var counter = meter.CreateCounter<long>("tracking.test.things", "{thing}");
        await using var host = await TestHost.StartAsync(receiver.Variables);

        counter.Add(3, new KeyValuePair<string, object?>("kind", "a"));
        var first = new ActivityContext(
            ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom(), ActivityTraceFlags.Recorded);
        source.StartActivity(ActivityKind.Consumer, links: [new(first)], name: "store event")!.Dispose();

        var metric = await receiver.WaitForMetricAsync(one => one.Name == "tracking.test.things", _deadline);
        var point = Assert.Single(metric.Points);
        Assert.Equal((3, "a", "{thing}"), (point.Value, point.Attributes["kind"], metric.Unit));
        var span = await receiver.WaitForSpanAsync(one => one.Name == "store event", _deadline);
        Assert.Equal(new(first.TraceId.ToHexString(), first.SpanId.ToHexString()), Assert.Single(span.Links));
        Assert.Equal(5, span.Kind);
        Assert.NotEqual(first.TraceId.ToHexString(), span.TraceId);
    }

    [Fact]
    public async Task A_handler_that_throws_is_an_error_span_that_names_the_exception()
    {
        await using var receiver = await OtlpReceiver.StartAsync(
            cancellationToken: TestContext.Current.CancellationToken);
        await using var host = await TestHost.StartAsync(receiver.Variables, map: app =>
            app.MapGet("/breaks", string () => throw new InvalidOperationException("secret")));

        using var answer = await host.Client.GetAsync("/breaks", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        var span = await receiver.WaitForSpanAsync(one => one.Name == "GET /breaks", _deadline);
        Assert.Equal(2, span.Status);
        Assert.Equal("500", span.Attributes["http.response.status_code"]);
        Assert.Equal("System.InvalidOperationException", span.Attributes["error.type"]);
        var log = await receiver.WaitForLogAsync(
            record => record.Body.StartsWith("GET /breaks failed", StringComparison.Ordinal), _deadline);
        Assert.Contains(span.TraceId, log.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Health_requests_and_what_they_ask_are_not_traced()
    {
        await using var receiver = await OtlpReceiver.StartAsync(
            cancellationToken: TestContext.Current.CancellationToken);
        using var source = new ActivitySource("Tracking.TelemetryTests");
        await using var host = await TestHost.StartAsync(
            receiver.Variables,
            builder => builder.Services.AddHealthChecks().AddCheck(
                "traced",
                () =>
                {
                    using var ping = source.StartActivity("ping");
                    return new();
                },
                [HealthEndpoints.Ready]),
            app => app.MapGet("/last", () => "last"));

        await host.Client.GetAsync("/health/live", TestContext.Current.CancellationToken);
        await host.Client.GetAsync("/health/ready", TestContext.Current.CancellationToken);
        await host.Client.GetAsync("/last", TestContext.Current.CancellationToken);
        await receiver.WaitForSpanAsync(span => span.Name == "GET /last", _deadline);
        await host.StopAsync();

        Assert.DoesNotContain(
            receiver.Spans, span => span.Name.Contains("health", StringComparison.Ordinal) || span.Name == "ping");
        Assert.DoesNotContain(
            receiver.Metrics,
            metric => metric.Name == "http.server.request.duration" && metric.Points.Any(point =>
                point.Attributes.GetValueOrDefault("http.route", "").Contains("health", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("/c/{0}")]
    [InlineData("/o/{0}.")]
    [InlineData("/shoes/red-{0}")]
    [InlineData("/c/{0}/more")]
    [InlineData("/c/{0}abc%29")]
    [InlineData("/c/x?token={0}")]
    [InlineData("/c/%41{0}")]
    public async Task Nothing_that_is_sent_holds_a_links_token(string path)
    {
        await using var receiver = await OtlpReceiver.StartAsync(
            cancellationToken: TestContext.Current.CancellationToken);
        var token = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_Ab";
        var target = string.Format(CultureInfo.InvariantCulture, path, token);
        await using (var host = await TestHost.StartAsync(
            new Dictionary<string, string>(receiver.Variables)
            {
                ["Logging:LogLevel:Microsoft.AspNetCore"] = "Trace",
                ["Logging:LogLevel:System.Net.Http"] = "Trace",
            },
            map: app => app.Run(async context =>
            {
                if (context.Request.Path.StartsWithSegments("/behind", StringComparison.Ordinal))
                {
                    return;
                }

                // As a gateway does: asks on, and says so; then fails.
                using var client = new HttpClient();
                using var answer = await client.GetAsync(
                    new Uri($"http://{context.Request.Host}/behind{target}"), context.RequestAborted);
                LogAsked(app.Logger, answer.RequestMessage!.RequestUri, target);
                throw new InvalidOperationException($"{target} went wrong");
            })))
        {
            using var answer = await host.Client.GetAsync(target, TestContext.Current.CancellationToken);
            await receiver.WaitForSpanAsync(span => span.Kind == 2, _deadline);
            await receiver.WaitForSpanAsync(span => span.Kind == 3 && span.Scope == "System.Net.Http", _deadline);
            await receiver.WaitForLogAsync(log => log.Body.StartsWith("Asked", StringComparison.Ordinal), _deadline);
            await receiver.WaitForLogAsync(log => log.Attributes.ContainsKey("exception.stacktrace"), _deadline);
            await host.StopAsync();
        }

        var sent = receiver.Spans.SelectMany(span => span.Attributes.Values.Append(span.Name))
            .Concat(receiver.Logs.SelectMany(log => log.Attributes.Values.Append(log.Body)))
            .Concat(receiver.Metrics.SelectMany(metric => metric.Points.SelectMany(point => point.Attributes.Values)))
            .ToList();
        Assert.Contains(sent, value => value.Contains("{token}", StringComparison.Ordinal));
        Assert.DoesNotContain(sent, value => value.Contains(token[5..35], StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_standard_variables_name_the_sender_and_add_headers()
    {
        await using var receiver = await OtlpReceiver.StartAsync(
            cancellationToken: TestContext.Current.CancellationToken);
        await using var host = await TestHost.StartAsync(
            new Dictionary<string, string>(receiver.Variables)
            {
                ["OTEL_SERVICE_NAME"] = "edge-7",
                ["OTEL_RESOURCE_ATTRIBUTES"] = "service.instance.id=seven,deployment.environment.name=test",
                ["OTEL_EXPORTER_OTLP_HEADERS"] = "x-otlp-api-key=k1",
            },
            map: app => app.MapGet("/x", () => "x"));

        await host.Client.GetStringAsync("/x", TestContext.Current.CancellationToken);

        var span = await receiver.WaitForSpanAsync(one => one.Name == "GET /x", _deadline);
        var metric = await receiver.WaitForMetricAsync(_ => true, _deadline);
        var log = await receiver.WaitForLogAsync(_ => true, _deadline);
        foreach (var resource in new[] { span.Resource, metric.Resource, log.Resource })
        {
            Assert.Equal("edge-7", resource["service.name"]);
            Assert.Equal("seven", resource["service.instance.id"]);
            Assert.Equal("test", resource["deployment.environment.name"]);
        }

        Assert.All(receiver.Headers, headers => Assert.Equal("k1", headers["x-otlp-api-key"]));
    }

    [Fact]
    public async Task Without_names_of_the_operators_the_sender_is_the_application()
    {
        await using var receiver = await OtlpReceiver.StartAsync(
            cancellationToken: TestContext.Current.CancellationToken);
        await using var host = await TestHost.StartAsync(receiver.Variables);

        var metric = await receiver.WaitForMetricAsync(_ => true, _deadline);
        Assert.Equal("Tracking.TestHost", metric.Resource["service.name"]);
        Assert.NotEmpty(metric.Resource["service.instance.id"]);
    }

    [Fact]
    public async Task The_sampler_variable_is_obeyed()
    {
        await using var receiver = await OtlpReceiver.StartAsync(
            cancellationToken: TestContext.Current.CancellationToken);
        await using var host = await TestHost.StartAsync(
            new Dictionary<string, string>(receiver.Variables) { ["OTEL_TRACES_SAMPLER"] = "always_off" },
            map: app => app.MapGet("/x", () => "x"));

        await host.Client.GetStringAsync("/x", TestContext.Current.CancellationToken);
        await host.StopAsync();

        Assert.Empty(receiver.Spans);
        Assert.NotEmpty(receiver.Metrics);
    }

    [Fact]
    public async Task Stopping_sends_what_is_still_held()
    {
        await using var receiver = await OtlpReceiver.StartAsync(
            cancellationToken: TestContext.Current.CancellationToken);
        var slow = new Dictionary<string, string>(receiver.Variables)
        {
            ["OTEL_BSP_SCHEDULE_DELAY"] = "3600000",
            ["OTEL_BLRP_SCHEDULE_DELAY"] = "3600000",
            ["OTEL_METRIC_EXPORT_INTERVAL"] = "3600000",
        };
        await using var host = await TestHost.StartAsync(slow, map: app => app.MapGet("/x", () => "x"));
        await host.Client.GetStringAsync("/x", TestContext.Current.CancellationToken);
        Assert.Empty(receiver.Spans);

        await host.StopAsync();

        Assert.Contains(receiver.Spans, span => span.Name == "GET /x");
        Assert.NotEmpty(receiver.Metrics);
        Assert.NotEmpty(receiver.Logs);
    }

    [Fact]
    public async Task A_collector_that_never_answers_delays_the_stop_by_no_more_than_the_bound()
    {
        using var deaf = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        deaf.Start();
        await using var host = await TestHost.StartAsync(
            new Dictionary<string, string>
            {
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://{deaf.LocalEndpoint}",
                ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            },
            map: app => app.MapGet("/x", () => "x"));
        await host.Client.GetStringAsync("/x", TestContext.Current.CancellationToken);

        var start = TimeProvider.System.GetTimestamp();
        await host.StopAsync();
        await host.DisposeAsync();

        // Twice: the container's own disposal of the log provider has a bound too.
        Assert.InRange(TimeProvider.System.GetElapsedTime(start), TimeSpan.Zero, 2 * FlushTelemetry.Timeout);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Looked for {Cluster}")]
    private static partial void LogLooked(ILogger logger, string cluster);

    [LoggerMessage(Level = LogLevel.Information, Message = "Asked {Address} for {Path}")]
    private static partial void LogAsked(ILogger logger, Uri? address, string path);
}

using System.Diagnostics;
using System.Globalization;
using System.Net;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using RabbitMQ.Client;
using Tracking.Otlp;
using Tracking.Servers;
using Tracking.System.Tests;

namespace Tracking.AppHost.Tests;

/// <summary>
/// The AppHost brings up everything on local programs, as for somebody who has just cloned the repository: own HOME,
/// own data, no secret given. It is started twice, the second time as the program that Ctrl-C stops.
/// </summary>
public sealed class WholeSystemTests(OwnHome home) : IDisposable
{
    // Some twenty processes; twice what they take.
    private const long MostMemory = 5L << 30;

    private readonly TemporaryFolder _data = new();
    private readonly int _gateway = FreePort.Take(1)[0];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    // The API answers to this name; every other is the recipients'.
    private Uri Gateway => new UriBuilder(ServiceProcess.Loopback(_gateway)) { Host = "localhost" }.Uri;

    [Fact]
    public async Task A_newsletter_and_a_click_go_through_all_of_it_and_a_second_start_finds_them()
    {
        var (cluster, key) = await FirstStartAsync();
        await UntilNothingRunsAsync();
        await SecondStartAsync(cluster, key);
        await UntilNothingRunsAsync();
    }

    /// <inheritdoc/>
    public void Dispose() => _data.Dispose();

    private async Task<(string Cluster, string Key)> FirstStartAsync()
    {
        // In the place of the dashboard, which is an OTLP collector too.
        await using var telemetry = await OtlpReceiver.StartAsync(Otlp.OtlpProtocol.Grpc, Cancelled);
        await using var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.AppHost>(
            [
                "--engines=local",
                $"--data={_data.Path}",
                // The gateway's port is in links; every other is free to choose.
                string.Create(CultureInfo.InvariantCulture, $"--Parameters:system-port={_gateway}"),
                "--DcpPublisher:RandomizePorts=false",
                $"--ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL={telemetry.Endpoint}",
            ],
            Cancelled);
        foreach (var project in builder.Resources.OfType<ProjectResource>())
        {
            // Each second, and from ten processes, is more than the two cores of a build machine have left.
            project.Annotations.Add(new EnvironmentCallbackAnnotation(context =>
                context.EnvironmentVariables["OTEL_METRIC_EXPORT_INTERVAL"] = "10000"));
        }

        await using var app = await builder.BuildAsync(Cancelled);
        var clock = Stopwatch.StartNew();
        await app.StartAsync(Cancelled);
        await UntilHealthyAsync(app, builder.Resources);
        var (start, memory) = (clock.Elapsed, Memory());
        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"AppHost: healthy after {start.TotalSeconds:0} s (at most {AppHostProcess.LongestStart.TotalSeconds:0}), with {memory >> 20} MiB (at most {MostMemory >> 20})"));
        Assert.InRange(memory, 0, MostMemory);

        var key = await ParameterAsync(builder.Resources, "admin-key");
        using var api = new ApiClient(Gateway, key);
        var cluster = await api.CreateClusterAsync("whole");
        var publisher = (Trace: ActivityTraceId.CreateRandom().ToHexString(), Span: ActivitySpanId.CreateRandom());
        var rabbitmq = new Uri((await app.GetConnectionStringAsync("rabbitmq", Cancelled))!);
        var rewritten = await RewriteAsync(rabbitmq, cluster, $"00-{publisher.Trace}-{publisher.Span.ToHexString()}-01");
        await ClickAsync(rewritten);
        var events = await api.WaitForEventsAsync(cluster, events => events.Count >= 1);
        Assert.Equal("reader", Assert.Single(events).GetProperty("userAgent").GetString());

        await AssertTwoLinkedTracesAsync(telemetry, publisher.Trace);
        await AssertReplicasAreToldApartAsync(telemetry);
        await app.StopAsync(Cancelled);
        return (cluster, key);
    }

    private async Task SecondStartAsync(string cluster, string key)
    {
        using var appHost = await AppHostProcess.LaunchAsync(home.Path, _data.Path, _gateway);
        await appHost.UntilReadyAsync(Cancelled);
        using var api = new ApiClient(Gateway, key);
        Assert.Single(await api.EventsAsync(cluster));
        await appHost.InterruptAsync(Cancelled);
    }

    private static async Task UntilHealthyAsync(DistributedApplication app, IResourceCollection resources)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        deadline.CancelAfter(AppHostProcess.LongestStart);
        var notifications = app.ResourceNotifications;
        // Aspire adds executables of its own that only run when somebody asks for them.
        await Task.WhenAll(resources
            .Where(resource => resource is ProjectResource or (ExecutableResource and IResourceWithConnectionString))
            .Select(resource => resource.Name == "migrator"
                ? notifications.WaitForResourceAsync(resource.Name, KnownResourceStates.Finished, deadline.Token)
                : (Task)notifications.WaitForResourceHealthyAsync(
                    resource.Name, WaitBehavior.StopOnResourceUnavailable, deadline.Token)));
    }

    private static async Task<byte[]> RewriteAsync(Uri rabbitmq, string cluster, string traceparent)
    {
        var factory = new ConnectionFactory { Uri = rabbitmq, AutomaticRecoveryEnabled = false };
        await using var connection = await factory.CreateConnectionAsync(Cancelled);
        await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(true, true), Cancelled);
        await channel.BasicPublishAsync(
            "rewrite",
            "",
            mandatory: true,
            new BasicProperties
            {
                Persistent = true,
                Headers = new Dictionary<string, object?>
                {
                    ["tracking-cluster"] = cluster,
                    ["traceparent"] = traceparent,
                },
            },
            await File.ReadAllBytesAsync(Newsletters.PathOf("club-plain-text-flowed.eml"), Cancelled),
            Cancelled);
        BasicGetResult? rewritten = null;
        await Eventually.HoldsAsync(
            async () => (rewritten = await channel.BasicGetAsync("rewritten", autoAck: true, Cancelled)) is not null,
            "the rewritten newsletter",
            Cancelled);
        return rewritten!.Body.ToArray();
    }

    private static async Task ClickAsync(byte[] rewritten)
    {
        var link = ReadMail.Urls(rewritten).First(url => url.Contains("//track.localhost", StringComparison.Ordinal));
        using var recipient = new Recipient();
        await Eventually.HoldsAsync(
            async () =>
            {
                // HEAD is not recorded. For a cluster that was made a moment ago an edge asks the database.
                using var answer = await recipient.FetchAsync(link, "prober", HttpMethod.Head, Cancelled);
                return answer.StatusCode == HttpStatusCode.Found;
            },
            $"{link} is served",
            Cancelled);
        HttpStatusCode clicked = default;
        await Eventually.HoldsAsync(
            async () =>
            {
                // The other edge may have been asked before. What is not found is not recorded.
                using var answer = await recipient.FetchAsync(link, "reader", cancellationToken: Cancelled);
                return (clicked = answer.StatusCode) == HttpStatusCode.Found;
            },
            $"{link} is followed",
            Cancelled);
        Assert.Equal(HttpStatusCode.Found, clicked);
    }

    private static async Task AssertTwoLinkedTracesAsync(OtlpReceiver telemetry, string message)
    {
        var rewrite = await SpanAsync(span => span.TraceId == message && span.Name == "rewrite message");
        var register = await SpanAsync(span => span.ParentSpanId == rewrite.SpanId && span.Name == "register message");
        Assert.Equal(["rewrite", "rewrite"], [Sender(rewrite), Sender(register)]);

        var store = await SpanAsync(span => span.Links.Any(link => link.TraceId == message));
        Assert.Equal(("store event", "ingest"), (store.Name, Sender(store)));
        var link = Assert.Single(store.Links);
        Assert.Equal((rewrite.TraceId, rewrite.SpanId), (link.TraceId, link.SpanId));
        Assert.NotEqual(message, store.TraceId);
        var edge = await SpanAsync(span => span.SpanId == store.ParentSpanId);
        Assert.StartsWith("edge-", Sender(edge), StringComparison.Ordinal);
        await SpanAsync(span => span.TraceId == store.TraceId && Sender(span) == "gateway");

        Task<ReceivedSpan> SpanAsync(Func<ReceivedSpan, bool> fits) =>
            telemetry.WaitForSpanAsync(fits, Eventually.Deadline);
    }

    private static async Task AssertReplicasAreToldApartAsync(OtlpReceiver telemetry)
    {
        foreach (var (service, copies) in new[] { ("rewrite", 2), ("ingest", 2), ("management", 2), ("edge-1", 1) })
        {
            await Eventually.HoldsAsync(
                () => telemetry.Metrics
                    .Where(metric => metric.Resource["service.name"] == service)
                    .Select(metric => metric.Resource["service.instance.id"]).Distinct().Count() == copies,
                $"{copies} instances of {service} send metrics",
                Cancelled);
        }
    }

    private async Task UntilNothingRunsAsync()
    {
        IReadOnlyList<int> running = [];
        try
        {
            await Eventually.HoldsAsync(
                () => (running = ProcessesOf.Variable("HOME", home.Path)).Count == 0, "all has ended", Cancelled);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"Still running:\n{string.Join('\n', running.Select(ProcessesOf.Describe))}");
        }
    }

    private long Memory() => ProcessesOf.Variable("HOME", home.Path).Sum(ProcessesOf.Memory);

    private static async Task<string> ParameterAsync(IResourceCollection resources, string name) =>
        (await resources.OfType<ParameterResource>().Single(parameter => parameter.Name == name)
            .GetValueAsync(Cancelled))!;

    private static string Sender(ReceivedSpan span) => span.Resource["service.name"];
}

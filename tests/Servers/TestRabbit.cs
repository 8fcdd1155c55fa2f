using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Tracking.Servers.Engines;

namespace Tracking.Servers;

/// <summary>
/// One RabbitMQ for a test assembly (an assembly fixture). It starts when the first test needs a virtual host. It has
/// its own folder, ports, node name, cookie and port mapper (epmd), so any number of brokers run side by side. It ends
/// with the test process. Each test has its own virtual host. A test that stops, kills or freezes the broker makes its
/// own broker.
/// </summary>
public sealed class TestRabbit : IAsyncDisposable
{
    private const string User = "tracking";
    private const string Program = "/usr/lib/rabbitmq/bin/rabbitmq-server";
    private const int StartAttempts = 3;

    // Erlang's virtual machine alone takes seconds to start on a busy machine.
    private static readonly TimeSpan _longestStart = TimeSpan.FromMinutes(3);

    private readonly TemporaryFolder _folder = new();
    private readonly string _password = RandomNumberGenerator.GetHexString(24, lowercase: true);
    private readonly Lazy<Task> _started;
    private int[] _ports = [];
    private IEngine? _portMapper;
    private IEngine? _broker;
    private HttpClient? _management;
    private int _virtualHosts;

    /// <summary>Does not start the broker yet.</summary>
    public TestRabbit() => _started = new Lazy<Task>(FirstStartAsync);

    /// <summary>Lines added to <c>rabbitmq.conf</c>. Set before the first virtual host.</summary>
    public IReadOnlyList<string> Settings { get; init; } = [];

    /// <summary>Plugins besides the management, by name. Set before the first virtual host.</summary>
    public IReadOnlyList<string> Plugins { get; init; } = [];

    private string Node => $"tracking{_ports[0]}@localhost";

    /// <summary>Makes a virtual host for one test.</summary>
    public async Task<TestVirtualHost> CreateVirtualHostAsync(CancellationToken cancellationToken)
    {
        await _started.Value.WaitAsync(cancellationToken);
        var number = Interlocked.Increment(ref _virtualHosts).ToString(CultureInfo.InvariantCulture);

        // The name contains a percent-encoded slash, like the default virtual host in every amqp URI of production.
        var name = "test/" + number;
        using var created = await _management!.PutAsync(
            $"vhosts/{Uri.EscapeDataString(name)}", null, cancellationToken);
        created.EnsureSuccessStatusCode();
        return new TestVirtualHost(
            name,
            new Uri($"amqp://{User}:{_password}@127.0.0.1:{_ports[0]}/{Uri.EscapeDataString(name)}"),
            _management);
    }

    /// <summary>Stops the broker in order: it writes its data and informs its clients.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _broker!.StopAsync("TERM", cancellationToken);
        await _broker.DisposeAsync();
    }

    /// <summary>Sends SIGKILL to the broker. Returns when the broker has ended.</summary>
    /// <remarks>RabbitMQ 3.10 answers the declaration of a quorum queue seconds before it writes the queue's name to
    /// disk. A broker that is killed between never opens the queue again. That fault of the broker is not the subject
    /// of the tests, so this waits for the names.</remarks>
    public async Task KillAsync(CancellationToken cancellationToken)
    {
        var queues = await _management!.GetFromJsonAsync<JsonArray>(
            "queues?columns=name,vhost,type", cancellationToken);
        var names = queues!
            .Where(queue => (string?)queue!["type"] == "quorum")
            .Select(queue => Encoding.UTF8.GetBytes($"{queue!["vhost"]}_{queue["name"]}"))
            .ToList();
        var file = _folder.In($"mnesia/{Node}/quorum/{Node}/names.dets");
        await Eventually.HoldsAsync(
            async () => names.Count == 0 || Contains(await File.ReadAllBytesAsync(file, cancellationToken), names),
            "the names of the quorum queues are written",
            cancellationToken);
        await _broker!.DisposeAsync();
    }

    /// <summary>Freezes the broker: connections stay open, and no request is answered.</summary>
    public Task FreezeAsync() => _broker!.FreezeAsync();

    /// <summary>Continues the broker after <see cref="FreezeAsync"/>.</summary>
    public Task ThawAsync() => _broker!.ThawAsync();

    /// <summary>Starts the broker again after <see cref="StopAsync"/> or <see cref="KillAsync"/>, on the same ports,
    /// with its durable data.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!await TryStartBrokerAsync(cancellationToken))
        {
            throw new InvalidOperationException(
                $"RabbitMQ ended instead of starting:\n{await _broker!.ReadOutputAsync()}");
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_started.IsValueCreated)
        {
            await _started.Value.ContinueWith(_ => { }, TaskScheduler.Default);
        }

        _management?.Dispose();
        await DisposeAsync(_broker);
        await DisposeAsync(_portMapper);
        _folder.Dispose();
    }

    private async Task FirstStartAsync()
    {
        if (EngineKind.Chosen == EngineKind.Local && !File.Exists(Program))
        {
            throw new FileNotFoundException($"{Program} is missing: ./test installs what the tests need.");
        }

        // Another program may take a port between its choice and the start.
        for (var attempt = 1; ; attempt++)
        {
            _ports = FreePort.Take(4);
            await PrepareFolderAsync();
            _portMapper = await Engine(["epmd", "-address", "127.0.0.1", "-port", Text(_ports[3])]).StartAsync();
            if (await TryStartBrokerAsync(CancellationToken.None))
            {
                return;
            }

            var output = await _broker!.ReadOutputAsync();
            await _broker.DisposeAsync();
            await _portMapper.DisposeAsync();
            if (attempt == StartAttempts)
            {
                throw new InvalidOperationException($"RabbitMQ does not start:\n{output}");
            }
        }
    }

    private async Task PrepareFolderAsync()
    {
        await WriteAsync("enabled_plugins", $"[{string.Join(',', Plugins.Prepend("rabbitmq_management"))}].\n");
        await WriteAsync("rabbitmq.conf", string.Join('\n', (string[])[
            $"listeners.tcp.1 = 127.0.0.1:{_ports[0]}",
            "management.tcp.ip = 127.0.0.1",
            $"management.tcp.port = {_ports[1]}",
            $"default_user = {User}",
            $"default_pass = {_password}",
            // The default is 512 MB, which is also kept in memory.
            "raft.wal_max_size_bytes = 33554432",
            "disk_free_limit.absolute = 50MB",
            .. Settings, ""]));
        var cookie = _folder.In(".erlang.cookie");
        File.Delete(cookie);
        await WriteAsync(".erlang.cookie", RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 20));
        File.SetUnixFileMode(cookie, UnixFileMode.UserRead);

        _management?.Dispose();
        _management = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{_ports[1]}/api/") };
        _management.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User}:{_password}")));
    }

    private async Task<bool> TryStartBrokerAsync(CancellationToken cancellationToken)
    {
        _broker = await (Engine([Program]) with { ContainerCommand = ["rabbitmq-server"] }).StartAsync();
        await Eventually.HoldsAsync(
            async () => _broker.HasExited || await AnswersAsync(cancellationToken),
            "RabbitMQ answers",
            cancellationToken,
            _longestStart);
        return !_broker.HasExited;
    }

    private async Task<bool> AnswersAsync(CancellationToken cancellationToken)
    {
        try
        {
            // Both ports: management may listen before the other port, or without it.
            using var client = new System.Net.Sockets.TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, _ports[0], cancellationToken);
            using var answer = await _management!.GetAsync("vhosts", cancellationToken);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception exception) when (exception is HttpRequestException or System.Net.Sockets.SocketException)
        {
            return false;
        }
    }

    private EngineProgram Engine(string[] command) => new()
    {
        Image = EngineImages.Rabbit,
        Command = command,
        Folder = _folder.Path,
        Environment = Environment(),
    };

    private static ValueTask DisposeAsync(IEngine? engine) => engine?.DisposeAsync() ?? ValueTask.CompletedTask;

    private Dictionary<string, string> Environment() => new()
    {
        ["HOME"] = _folder.Path,
        ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
        ["ERL_EPMD_PORT"] = Text(_ports[3]),
        // The program replaces the script, without a shell that would wait for input.
        ["RUNNING_UNDER_SYSTEMD"] = "1",
        ["RABBITMQ_CONF_ENV_FILE"] = "/dev/null",
        ["RABBITMQ_CONFIG_FILE"] = _folder.In("rabbitmq.conf"),
        ["RABBITMQ_ENABLED_PLUGINS_FILE"] = _folder.In("enabled_plugins"),
        ["RABBITMQ_LOG_BASE"] = _folder.In("log"),
        ["RABBITMQ_MNESIA_BASE"] = _folder.In("mnesia"),
        ["RABBITMQ_NODENAME"] = Node,
        ["RABBITMQ_NODE_PORT"] = Text(_ports[0]),
        ["RABBITMQ_DIST_PORT"] = Text(_ports[2]),
        // Schedulers that spin while idle take processor time from the tests.
        ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] =
            "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}",
    };

    private static bool Contains(byte[] file, List<byte[]> names) =>
        names.TrueForAll(name => file.AsSpan().IndexOf(name) >= 0);

    private Task WriteAsync(string file, string text) => File.WriteAllTextAsync(_folder.In(file), text);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Links;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.ServiceDefaults.Tests;

public sealed class StartUpTests
{
    [Fact]
    public async Task A_program_that_stops_in_order_exits_with_0_and_says_nothing()
    {
        using var error = new StringWriter();

        Assert.Equal(0, await StartUp.RunOrExplainAsync(() => Task.CompletedTask, error));
        Assert.Empty(error.ToString());
    }

    [Fact]
    public async Task A_reason_of_several_lines_is_printed_as_one()
    {
        using var error = new StringWriter();

        var code = await StartUp.RunOrExplainAsync(() => throw new StartUpException("a\r\nb\nc", 3), error);

        Assert.Equal((3, "Tracking cannot start: a b c"), (code, error.ToString().TrimEnd()));
    }

    [Fact]
    public async Task A_bug_is_not_explained_away() =>
        await Assert.ThrowsAsync<InvalidOperationException>(
            () => StartUp.RunOrExplainAsync(() => throw new InvalidOperationException("a bug")));

    public static TheoryData<Exception, int, string> Explained => new()
    {
        { new MigrationException("0001 changed"), StartUp.Failed, "0001 changed" },
        { new WrongMasterKeyException("another key"), StartUp.ConfigurationError, "another key" },
        {
            new OptionsValidationException("x", typeof(object), ["a: wrong", "b: wrong"]),
            StartUp.ConfigurationError,
            "a: wrong; b: wrong"
        },
        {
            new NpgsqlException("Failed to connect", new SocketException((int)SocketError.ConnectionRefused)),
            StartUp.Unavailable,
            "the database of ConnectionStrings__tracking does not answer: Failed to connect."
        },
        {
            new PostgresException("no such role", "FATAL", "FATAL", "28000"),
            StartUp.ConfigurationError,
            "the database refuses: no such role (28000)."
        },
        {
            new PostgresException("starting up", "FATAL", "FATAL", "57P03"),
            StartUp.Unavailable,
            "the database refuses: starting up (57P03)."
        },
    };

    [Theory]
    [MemberData(nameof(Explained), DisableDiscoveryEnumeration = true)]
    public async Task What_an_operator_can_put_right_is_one_line_and_an_exit_code(
        Exception thrown, int exitCode, string line)
    {
        using var error = new StringWriter();

        var code = await StartUp.RunOrExplainAsync(() => throw thrown, error);

        Assert.Equal((exitCode, "Tracking cannot start: " + line), (code, error.ToString().TrimEnd()));
    }

    [Theory]
    [InlineData(
        "Tracking:MasterKeyFile", "/nowhere/master.key", "Tracking__MasterKeyFile: got \"/nowhere/master.key\" (")]
    [InlineData("Tracking:MasterKey", "c2hvcnQ=", "Tracking__MasterKey: got ***, takes 32 bytes as base64")]
    [InlineData("Tracking:MasterKey", "", "Tracking__MasterKeyFile: missing, takes a file with 32 bytes as base64")]
    [InlineData("Tracking:OtherMasterKeyVersion", "2",
        "Tracking__OtherMasterKeyVersion: got 2, takes a version only together with OtherMasterKeyFile")]
    [InlineData("Tracking:OtherMasterKey", "c2hvcnQ=", "Tracking__OtherMasterKeyVersion: missing, takes the version")]
    [InlineData("ConnectionStrings:tracking", "", "ConnectionStrings__tracking: missing, takes, for instance, Host=")]
    [InlineData("ConnectionStrings:tracking", "x", "ConnectionStrings__tracking: not a connection string (")]
    public async Task Database_and_master_key_are_opened_before_anything_starts(
        string key, string value, string expected)
    {
        var settings = new Dictionary<string, string>
        {
            ["ConnectionStrings:tracking"] = "Host=127.0.0.1",
            ["Tracking:MasterKey"] = Convert.ToBase64String(new byte[MasterKey.Size]),
            [key] = value,
        };
        var builder = TestHost.CreateBuilder(settings);
        builder.AddTrackingDatabase();
        builder.AddSigningKeys();
        await using var app = builder.Build();
        using var error = new StringWriter();

        var code = await StartUp.RunOrExplainAsync(
            () =>
            {
                app.CheckBeforeStart();
                return Task.CompletedTask;
            },
            error);

        Assert.Equal(StartUp.ConfigurationError, code);
        Assert.StartsWith("Tracking cannot start: " + expected, error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_in_use_is_named()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var builder = TestHost.CreateBuilder();
        builder.WebHost.UseUrls($"http://{taken.LocalEndpoint}");
        await using var app = builder.Build();
        using var error = new StringWriter();

        var code = await StartUp.RunOrExplainAsync(() => app.StartAsync(), error);

        Assert.Equal(StartUp.Unavailable, code);
        Assert.Contains($"{taken.LocalEndpoint}: address already in use", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_setting_is_found_before_anything_starts_or_is_logged()
    {
        var builder = TestHost.CreateBuilder(new Dictionary<string, string> { ["Tracking:Egde:Port"] = "1" });
        var seen = new Seen();
        builder.Services.AddSingleton<IHostedService>(seen);
        builder.Services.AddSingleton<ILoggerProvider>(seen);
        var app = builder.Build();

        Assert.Equal(StartUp.ConfigurationError, await app.RunOrExplainAsync());

        Assert.Equal((0, 0), (seen.Starts, seen.Errors));
    }

    private sealed class Seen : IHostedService, ILoggerProvider, ILogger
    {
        public int Starts { get; private set; }

        public int Errors { get; private set; }

        public Task StartAsync(CancellationToken cancellationToken)
        {
            Starts++;
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) => Errors++;

        public void Dispose()
        {
        }
    }
}

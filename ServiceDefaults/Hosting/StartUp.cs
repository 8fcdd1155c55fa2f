using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Links;
using Tracking.ServiceDefaults.Settings;
using Tracking.ServiceDefaults.Telemetry;

namespace Tracking.ServiceDefaults.Hosting;

/// <summary>
/// The process cannot start, for a reason that its operator can correct. The message is one line with the setting or
/// part, the found value and the necessary value. Only this line is shown.
/// </summary>
/// <param name="message">The line.</param>
/// <param name="exitCode">The process's exit code. The default is <see cref="StartUp.ConfigurationError"/>.</param>
public sealed class StartUpException(string message, int exitCode = StartUp.ConfigurationError) : Exception(message)
{
    /// <summary>The process's exit code.</summary>
    public int ExitCode { get; } = exitCode;
}

/// <summary>Runs a program so that a wrong start shows one line instead of a stack trace.</summary>
public static class StartUp
{
    /// <summary>The beginning of the line.</summary>
    public const string LineStart = "Tracking cannot start: ";

    /// <summary>Exit code for all other reasons.</summary>
    public const int Failed = 1;

    /// <summary>Exit code for wrong configuration: EX_CONFIG of BSD's sysexits.h.</summary>
    public const int ConfigurationError = 78;

    /// <summary>Exit code for a necessary part that is taken or missing: EX_UNAVAILABLE of BSD's sysexits.h.</summary>
    public const int Unavailable = 69;

    /// <summary>
    /// The builder of every program: configuration is read from the program's folder, and not from the working
    /// directory. Logs go to the console, one line per entry.
    /// </summary>
    public static WebApplicationBuilder CreateBuilder(string[] args)
    {
        var builder = WebApplication.CreateBuilder(
            new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.AddSecretFiles();
        OneLineConsole.AddTo(builder.Logging, TimeProvider.System);
        return builder;
    }

    /// <summary>Runs <paramref name="app"/> until it is stopped. Settings and keys are checked before the services
    /// start.</summary>
    /// <exception cref="StartUpException">A setting or key is wrong. The message has the remedy.</exception>
    public static async Task RunCheckedAsync(this WebApplication app)
    {
        app.CheckBeforeStart();
        await app.CheckMasterKeyAsync();
        await app.RunAsync();
    }

    /// <summary>Runs <paramref name="app"/> until it is stopped.</summary>
    /// <returns>The exit code: 0 after an orderly stop. Otherwise one line on standard error has the reason.</returns>
    public static Task<int> RunOrExplainAsync(this WebApplication app) => RunOrExplainAsync(app.RunCheckedAsync);

    /// <summary>
    /// Validates the settings and creates all hosted services, which opens the files of their settings. The host would
    /// do this too, but would log an exception with its stack before this class can explain it.
    /// </summary>
    public static void CheckBeforeStart(this WebApplication app)
    {
        app.Services.GetService<IStartupValidator>()?.Validate();
        _ = app.Services.GetService<NpgsqlDataSource>();
        _ = app.Services.GetService<MasterKey>();
        _ = app.Services.GetService<IEnumerable<IHostedService>>();
    }

    // Refused here with one line. The exception of a hosted service would be logged with its stack first. An
    // unavailable database is no reason to stop: the service waits for it, and an edge meanwhile serves from its copy.
    private static async Task CheckMasterKeyAsync(this WebApplication app)
    {
        try
        {
            await (app.Services.GetService<SigningKeyRing>()?.RefreshAsync(CancellationToken.None)
                ?? Task.CompletedTask);
        }
        catch (Exception exception) when (StoreAway.FaultOf(exception) != StoreFault.None)
        {
            _ = exception;
        }
    }

    /// <summary>Runs a whole program, including its composition, in the same way.</summary>
    /// <param name="program">The program of Program.cs.</param>
    /// <param name="error">The writer of the line. The default is standard error.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunOrExplainAsync(Func<Task> program, TextWriter? error = null)
    {
        try
        {
            await program();
            return 0;
        }
        catch (Exception exception) when (Explain(exception) is { } explained)
        {
            await (error ?? Console.Error).WriteLineAsync(
                LineStart + explained.Message.ReplaceLineEndings(" "));
            return explained.ExitCode;
        }
    }

    /// <summary>Returns what an operator needs to know about <paramref name="exception"/>.</summary>
    /// <returns><see langword="null"/> when the operator cannot correct the cause: a bug, which is shown in
    /// full.</returns>
    internal static StartUpException? Explain(Exception exception) => exception switch
    {
        StartUpException known => known,
        OptionsValidationException invalid => new(string.Join("; ", invalid.Failures)),
        AggregateException several when several.InnerExceptions.All(inner => Explain(inner) is not null) =>
            new(
                string.Join("; ", several.InnerExceptions.Select(inner => Explain(inner)!.Message)),
                Explain(several.InnerExceptions[0])!.ExitCode),
        WrongMasterKeyException wrong => new(wrong.Message),
        SigningKeysLostException lost => new(lost.Message, Failed),
        MigrationException migration => new(migration.Message, Failed),
        PostgresException refused => new(
            $"the database refuses: {refused.MessageText} ({refused.SqlState}).",
            StoreAway.IsWrongConnection(refused) ? ConfigurationError : Unavailable),
        NpgsqlException away => new(
            $"the database of ConnectionStrings__tracking does not answer: {away.Message}.", Unavailable),
        IOException { InnerException: AddressInUseException } taken => new(taken.Message, Unavailable),
        SocketException { SocketErrorCode: SocketError.AddressNotAvailable or SocketError.AccessDenied } refused =>
            new($"Cannot listen: {refused.Message}", Unavailable),
        _ => null,
    };
}

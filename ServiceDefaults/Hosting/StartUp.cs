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
/// The process cannot start, for a reason its operator can put right. The message is one line that names the setting
/// or thing concerned, what was found and what is needed; it is all that is shown.
/// </summary>
/// <param name="message">The line.</param>
/// <param name="exitCode">The process's exit code; <see cref="StartUp.ConfigurationError"/> unless said.</param>
public sealed class StartUpException(string message, int exitCode = StartUp.ConfigurationError) : Exception(message)
{
    /// <summary>The process's exit code.</summary>
    public int ExitCode { get; } = exitCode;
}

/// <summary>Runs a program so that whoever starts it wrongly reads one line instead of a stack trace.</summary>
public static class StartUp
{
    /// <summary>What the one line begins with.</summary>
    public const string LineStart = "Tracking cannot start: ";

    /// <summary>Exit code when what stands in the way is neither of the others.</summary>
    public const int Failed = 1;

    /// <summary>Exit code for wrong configuration: EX_CONFIG of BSD's sysexits.h.</summary>
    public const int ConfigurationError = 78;

    /// <summary>Exit code when something needed is taken or absent: EX_UNAVAILABLE of BSD's sysexits.h.</summary>
    public const int Unavailable = 69;

    /// <summary>
    /// The builder of every program: configuration is read beside the program, not in whatever folder it was started
    /// from, and logs go to the console, an entry a line.
    /// </summary>
    public static WebApplicationBuilder CreateBuilder(string[] args)
    {
        var builder = WebApplication.CreateBuilder(
            new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.AddSecretFiles();
        OneLineConsole.AddTo(builder.Logging, TimeProvider.System);
        return builder;
    }

    /// <summary>Runs <paramref name="app"/> until it is stopped. Settings and keys are checked before anything
    /// starts.</summary>
    /// <exception cref="StartUpException">Something is wrong; the message says what to do.</exception>
    public static async Task RunCheckedAsync(this WebApplication app)
    {
        app.CheckBeforeStart();
        await app.CheckMasterKeyAsync();
        await app.RunAsync();
    }

    /// <summary>Runs <paramref name="app"/> until it is stopped.</summary>
    /// <returns>The exit code: 0 after an orderly stop; otherwise one line on standard error says why.</returns>
    public static Task<int> RunOrExplainAsync(this WebApplication app) => RunOrExplainAsync(app.RunCheckedAsync);

    /// <summary>
    /// Validates settings and makes everything that the host will start, which opens what they point to. The host would
    /// do this too, but log what is thrown, with the stack, before anyone can explain it.
    /// </summary>
    public static void CheckBeforeStart(this WebApplication app)
    {
        app.Services.GetService<IStartupValidator>()?.Validate();
        _ = app.Services.GetService<NpgsqlDataSource>();
        _ = app.Services.GetService<MasterKey>();
        _ = app.Services.GetService<IEnumerable<IHostedService>>();
    }

    // Refused here, in one line; a hosted service that throws is logged with its stack first. A database that is away
    // is no reason: the service waits for it, and an edge serves from its copy meanwhile.
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

    /// <summary>Runs a whole program, its composition included, the same way.</summary>
    /// <param name="program">What Program.cs does.</param>
    /// <param name="error">Where the line goes; standard error unless said.</param>
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

    /// <summary>What an operator needs to know of <paramref name="exception"/>.</summary>
    /// <returns><see langword="null"/> when it is not the operator's to put right: a bug, shown in full.</returns>
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
            IsAboutCredentials(refused.SqlState) ? ConfigurationError : Unavailable),
        NpgsqlException away => new(
            $"the database of ConnectionStrings__tracking does not answer: {away.Message}.", Unavailable),
        IOException { InnerException: AddressInUseException } taken => new(taken.Message, Unavailable),
        SocketException { SocketErrorCode: SocketError.AddressNotAvailable or SocketError.AccessDenied } refused =>
            new($"Cannot listen: {refused.Message}", Unavailable),
        _ => null,
    };

    // Class 28 is invalid authorization; 3D000 a database that does not exist.
    private static bool IsAboutCredentials(string sqlState) =>
        sqlState.StartsWith("28", StringComparison.Ordinal) || sqlState == PostgresErrorCodes.InvalidCatalogName;
}

using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Tracking.ServiceDefaults.Telemetry;

/// <summary>
/// Logs on the console, one line per entry: time in UTC, level, category, message. Only a stack trace takes more lines.
/// </summary>
public sealed class OneLineConsole(TimeProvider time) : ConsoleFormatter(FormatterName)
{
    private const string FormatterName = "one-line";

    /// <inheritdoc/>
    public override void Write<TState>(
        in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        textWriter.Write(time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
        textWriter.Write(Level(logEntry.LogLevel));
        textWriter.Write(logEntry.Category);
        textWriter.Write(": ");
        textWriter.WriteLine(HideTokens.In(
            logEntry.Formatter(logEntry.State, logEntry.Exception).ReplaceLineEndings(" ")));
        if (logEntry.Exception is { } exception)
        {
            textWriter.WriteLine(HideTokens.In(exception.ToString()));
        }
    }

    /// <summary>Adds this formatter in place of the console's own, which writes two lines per entry.</summary>
    public static void AddTo(ILoggingBuilder logging, TimeProvider time)
    {
        logging.Services.AddSingleton<ConsoleFormatter>(new OneLineConsole(time));
        logging.AddConsole(console => console.FormatterName = FormatterName);
    }

    private static string Level(LogLevel level) => level switch
    {
        LogLevel.Trace => " trace ",
        LogLevel.Debug => " debug ",
        LogLevel.Information => " info ",
        LogLevel.Warning => " warning ",
        LogLevel.Error => " error ",
        _ => " critical ",
    };
}

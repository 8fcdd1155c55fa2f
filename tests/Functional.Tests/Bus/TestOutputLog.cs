using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Tracking.Functional.Tests.Bus;

/// <summary>A host's log in the output of the test that started it, which is shown when the test fails.</summary>
internal sealed class TestOutputLog : ILoggerProvider, ILogger
{
    private readonly ITestOutputHelper? _output = TestContext.Current.TestOutputHelper;

    public ILogger CreateLogger(string categoryName) => this;

    public void Dispose()
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel))
        {
            return;
        }

        var time = TimeProvider.System.GetUtcNow().ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);
        try
        {
            _output?.WriteLine($"{time} {logLevel}: {formatter(state, exception)}{Of(exception)}");
        }
        catch (InvalidOperationException)
        {
            // The test has ended, so the line is dropped.
        }
    }

    private static string Of(Exception? exception) =>
        exception is null ? "" : $" ({exception.GetType().Name}: {exception.Message})";
}

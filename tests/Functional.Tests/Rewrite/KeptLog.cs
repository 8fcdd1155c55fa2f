using Microsoft.Extensions.Logging;

namespace Tracking.Functional.Tests.Rewrite;

/// <summary>A log that keeps its lines.</summary>
public sealed class KeptLog<T> : ILogger<T>
{
    /// <summary>Every line, in order.</summary>
    public List<string> Lines { get; } = [];

    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => true;

    /// <inheritdoc/>
    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        ArgumentNullException.ThrowIfNull(formatter);
        lock (this)
        {
            Lines.Add(formatter(state, exception));
        }
    }
}

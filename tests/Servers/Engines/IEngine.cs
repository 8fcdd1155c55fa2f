namespace Tracking.Servers.Engines;

/// <summary>
/// A PostgreSQL, RabbitMQ or Redis of the tests: a program of this machine, or a container of the same version as in
/// <c>deploy/compose</c>. <see cref="EngineKind"/> decides which form the tests use.
/// </summary>
public interface IEngine : IAsyncDisposable
{
    /// <summary>Whether the engine has ended.</summary>
    bool HasExited { get; }

    /// <summary>The engine's output so far, from both streams.</summary>
    Task<string> ReadOutputAsync();

    /// <summary>Requests a stop. Returns when the engine has ended.</summary>
    /// <param name="signal">The engine's signal for an orderly stop: <c>TERM</c>, <c>INT</c>.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    Task StopAsync(string signal, CancellationToken cancellationToken);

    /// <summary>Ends all processes with SIGKILL. Returns when they have ended. Does nothing when they have already
    /// ended.</summary>
    Task KillAsync();

    /// <summary>Freezes all processes: connections stay open, and no request is answered.</summary>
    Task FreezeAsync();

    /// <summary>Continues the processes after <see cref="FreezeAsync"/>.</summary>
    Task ThawAsync();
}

namespace Tracking.Servers.Engines;

/// <summary>
/// A PostgreSQL, RabbitMQ or Redis of the tests' own: a program of this machine or a container of the same version as in
/// <c>deploy/compose</c>. <see cref="EngineKind"/> says which one the tests use.
/// </summary>
public interface IEngine : IAsyncDisposable
{
    /// <summary>Whether it has ended.</summary>
    bool HasExited { get; }

    /// <summary>What it wrote so far, both streams.</summary>
    Task<string> ReadOutputAsync();

    /// <summary>Asks it to stop; returns when it has ended.</summary>
    /// <param name="signal">The signal that means an orderly stop to it: <c>TERM</c>, <c>INT</c>.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    Task StopAsync(string signal, CancellationToken cancellationToken);

    /// <summary>Ends all its processes with SIGKILL; returns when they are gone. Nothing happens where they are.</summary>
    Task KillAsync();

    /// <summary>Stops all its processes: connections stay open, nothing answers.</summary>
    Task FreezeAsync();

    /// <summary>Lets it go on after <see cref="FreezeAsync"/>.</summary>
    Task ThawAsync();
}

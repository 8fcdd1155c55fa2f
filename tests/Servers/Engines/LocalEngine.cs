namespace Tracking.Servers.Engines;

/// <summary>A program of this machine that consists of one process.</summary>
internal sealed class LocalEngine(ServerProcess process) : IEngine
{
    public bool HasExited => process.HasExited;

    public Task<string> ReadOutputAsync() => Task.FromResult(process.Output);

    public Task StopAsync(string signal, CancellationToken cancellationToken) =>
        process.StopAsync(cancellationToken, signal);

    public Task KillAsync()
    {
        process.Kill();
        return Task.CompletedTask;
    }

    public Task FreezeAsync()
    {
        process.Freeze();
        return Task.CompletedTask;
    }

    public Task ThawAsync()
    {
        process.Thaw();
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        process.Dispose();
        return ValueTask.CompletedTask;
    }
}

using System.Diagnostics;

namespace Tracking.Servers;

/// <summary>
/// The data folder of a Standalone that ran once and was stopped (an assembly fixture). Tests that are not about the
/// first start use a copy, because making a database takes most of a first start.
/// </summary>
public sealed class PreparedDataFolder : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Lazy<Task<string>> _path;

    /// <summary>Does not start a process yet.</summary>
    public PreparedDataFolder() => _path = new Lazy<Task<string>>(PrepareAsync);

    /// <summary>Copies the folder with its owners and modes.</summary>
    /// <param name="destination">The new data folder; its parent exists.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task CopyToAsync(string destination, CancellationToken cancellationToken)
    {
        using var copy = Process.Start("cp", ["-a", "--reflink=auto", await _path.Value, destination]);
        await copy.WaitForExitAsync(cancellationToken);
        if (copy.ExitCode != 0)
        {
            throw new IOException($"The data folder was not copied to {destination}: cp ended with {copy.ExitCode}.");
        }
    }

    /// <summary>Starts a Standalone on a copy.</summary>
    public async Task<StandaloneProcess> StartAsync(CancellationToken cancellationToken)
    {
        var folder = new TemporaryFolder();
        await CopyToAsync(folder.In("data"), cancellationToken);
        return await StandaloneProcess.StartAsync(folder, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_path.IsValueCreated)
        {
            await _path.Value;
        }

        _folder.Dispose();
    }

    private async Task<string> PrepareAsync()
    {
        await using var standalone = await StandaloneProcess.StartAsync(CancellationToken.None, _folder.In("data"));
        await standalone.StopAsync(CancellationToken.None);
        return _folder.In("data");
    }
}

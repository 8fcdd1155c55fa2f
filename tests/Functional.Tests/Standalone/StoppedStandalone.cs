using Tracking.Servers;

namespace Tracking.Functional.Tests.Standalone;

/// <summary>The data folder of a Standalone that ran and was stopped, for starts that are refused.</summary>
public sealed class StoppedStandalone(PreparedDataFolder prepared) : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();

    public string DataFolder => _folder.In("data");

    public async ValueTask InitializeAsync() => await prepared.CopyToAsync(DataFolder, CancellationToken.None);

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}

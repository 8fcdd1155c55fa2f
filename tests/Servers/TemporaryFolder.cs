namespace Tracking.Servers;

/// <summary>A folder for one test, readable by its owner only, gone with the test.</summary>
public sealed class TemporaryFolder : IDisposable
{
    /// <summary>Absolute.</summary>
    public string Path { get; } = Directory.CreateTempSubdirectory("tracking-test-").FullName;

    /// <summary>The path of a file or folder in it.</summary>
    public string In(string name) => System.IO.Path.Combine(Path, name);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Directory.Exists(Path))
        {
            Directory.Delete(Path, recursive: true);
        }
    }
}

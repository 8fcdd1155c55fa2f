using Tracking.AppHost.Tests;
using Tracking.Servers;

[assembly: AssemblyFixture(typeof(OwnHome))]

namespace Tracking.AppHost.Tests;

/// <summary>A HOME for this suite alone: the AppHost keeps its secrets there, and Aspire its sockets.</summary>
public sealed class OwnHome : IDisposable
{
    private readonly string? _usual = Environment.GetEnvironmentVariable("HOME");
    private readonly TemporaryFolder _folder = new();

    /// <summary>Sets it.</summary>
    public OwnHome() => Environment.SetEnvironmentVariable("HOME", _folder.Path);

    /// <summary>Where it is.</summary>
    public string Path => _folder.Path;

    /// <inheritdoc/>
    public void Dispose()
    {
        Environment.SetEnvironmentVariable("HOME", _usual);
        _folder.Dispose();
    }
}

using System.Diagnostics;
using Tracking.Servers;

namespace Tracking.System.Tests.Deploy;

/// <summary>What <c>deploy/make-secrets</c> makes, with its own defaults.</summary>
public sealed class MadeSecrets : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>Runs it.</summary>
    public MadeSecrets() => Assert.Equal(0, Run());

    /// <summary>Where they are.</summary>
    public string Folder => _folder.In("secrets");

    /// <summary>The names of a service's secrets; none where it has no folder.</summary>
    public IReadOnlyList<string> Of(string service) => Directory.Exists(Path.Combine(Folder, service))
        ? [.. Directory.EnumerateFiles(Path.Combine(Folder, service)).Select(file => Path.GetFileName(file)).Order()]
        : [];

    /// <summary>One of them, without its line end.</summary>
    public string Read(string name) => File.ReadAllText(Path.Combine(Folder, name)).TrimEnd('\n');

    /// <summary>Runs it again.</summary>
    /// <returns>Its exit code.</returns>
    public int Run()
    {
        using var script = Process.Start(new ProcessStartInfo(Manifests.PathOf("make-secrets"), [Folder])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        script.WaitForExit();
        return script.ExitCode;
    }

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();
}

using System.Diagnostics;

namespace Tracking.Servers;

/// <summary>What <c>deploy/make-secrets</c> makes.</summary>
public sealed class MadeSecrets : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly IReadOnlyDictionary<string, string> _engines;

    /// <summary>Makes them for the engines of the script's own defaults.</summary>
    public MadeSecrets()
        : this(new Dictionary<string, string>())
    {
    }

    /// <summary>Makes them.</summary>
    /// <param name="engines">Where the engines are: the script's variables.</param>
    internal MadeSecrets(IReadOnlyDictionary<string, string> engines)
    {
        _engines = engines;
        if (Run() is not 0 and var code)
        {
            throw new InvalidOperationException($"make-secrets ended with {code}.");
        }
    }

    /// <summary>Where they are.</summary>
    public string Folder => _folder.In("secrets");

    /// <summary>The folder of a service's own.</summary>
    public string FolderOf(string service) => Path.Combine(Folder, service);

    /// <summary>The names of a service's secrets; none where it has no folder.</summary>
    public IReadOnlyList<string> Of(string service) => Directory.Exists(FolderOf(service))
        ? [.. Directory.EnumerateFiles(FolderOf(service)).Select(file => Path.GetFileName(file)).Order()]
        : [];

    /// <summary>One of them, without its line end.</summary>
    public string Read(string name) => File.ReadAllText(Path.Combine(Folder, name)).TrimEnd('\n');

    /// <summary>Runs it again.</summary>
    /// <returns>Its exit code.</returns>
    public int Run()
    {
        var start = new ProcessStartInfo(Path.Combine(BuiltPrograms.Repository, "deploy", "make-secrets"), [Folder])
        {
            RedirectStandardOutput = true,
        };
        foreach (var (name, value) in _engines)
        {
            start.Environment[name] = value;
        }

        using var script = Process.Start(start)!;
        script.StandardOutput.ReadToEnd();
        script.WaitForExit();
        return script.ExitCode;
    }

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();
}

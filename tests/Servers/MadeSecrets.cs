using System.Diagnostics;

namespace Tracking.Servers;

/// <summary>The secrets of <c>deploy/make-secrets</c>.</summary>
public sealed class MadeSecrets : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly IReadOnlyDictionary<string, string> _engines;

    /// <summary>Makes the secrets for the engines of the script's own defaults.</summary>
    public MadeSecrets()
        : this(new Dictionary<string, string>())
    {
    }

    /// <summary>Makes the secrets.</summary>
    /// <param name="engines">The addresses of the engines: the script's variables.</param>
    internal MadeSecrets(IReadOnlyDictionary<string, string> engines)
    {
        _engines = engines;
        if (Run() is not 0 and var code)
        {
            throw new InvalidOperationException($"make-secrets ended with {code}.");
        }
    }

    /// <summary>The folder of the secrets.</summary>
    public string Folder => _folder.In("secrets");

    /// <summary>The folder of a service.</summary>
    public string FolderOf(string service) => Path.Combine(Folder, service);

    /// <summary>The names of a service's secrets; empty for a service without a folder.</summary>
    public IReadOnlyList<string> Of(string service) => Directory.Exists(FolderOf(service))
        ? [.. Directory.EnumerateFiles(FolderOf(service)).Select(file => Path.GetFileName(file)).Order()]
        : [];

    /// <summary>A secret without its line end.</summary>
    public string Read(string name) => File.ReadAllText(Path.Combine(Folder, name)).TrimEnd('\n');

    /// <summary>Runs the script again.</summary>
    /// <returns>The exit code.</returns>
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

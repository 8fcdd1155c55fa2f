using Tracking.ServiceDefaults.Hosting;

namespace Tracking.RedirectEdge.Events;

/// <summary>
/// The folders that other edges left behind. They are found and locked once, while the process is composed, because the
/// bus must know every queue before it starts.
/// </summary>
internal sealed class OrphanedFolders : IDisposable
{
    private const string Setting = "Tracking__Edge__AdoptFolder";

    private OrphanedFolders(List<EdgeFolder> adopted, List<string> refused) => (Adopted, Refused) = (adopted, refused);

    /// <summary>The folders that this process holds.</summary>
    public IReadOnlyList<EdgeFolder> Adopted { get; }

    /// <summary>Why the other folders are not adopted, one line each.</summary>
    public IReadOnlyList<string> Refused { get; }

    /// <summary>Locks every edge's folder directly under <paramref name="parent"/>. A folder that cannot be locked does
    /// not stop the start: clicks are more important than events that are safe on a disk.</summary>
    /// <exception cref="StartUpException">The folder <paramref name="parent"/> does not exist.</exception>
    public static OrphanedFolders Lock(string parent)
    {
        var adopted = new List<EdgeFolder>();
        var refused = new List<string>();
        foreach (var path in Folders(parent))
        {
            try
            {
                // Other folders, such as a file system's lost+found, must not become edges.
                if (!File.Exists(Path.Combine(path, EdgeFolder.IdFile)))
                {
                    continue;
                }

                var folder = EdgeFolder.Open(path, Setting);
                if (adopted.Find(other => other.EdgeId == folder.EdgeId) is { } twin)
                {
                    refused.Add($"{path} is a copy of {twin.Path}");
                    folder.Dispose();
                    continue;
                }

                adopted.Add(folder);
            }
            catch (Exception exception)
                when (exception is StartUpException or IOException or UnauthorizedAccessException)
            {
                refused.Add(exception.Message);
            }
        }

        return new OrphanedFolders(adopted, refused);
    }

    /// <summary>Refuses a second copy of one folder. The copies may contain different events under the same key, so
    /// only one may be published.</summary>
    /// <exception cref="StartUpException">A folder is a copy of the edge's own.</exception>
    public void RefuseCopyOf(EdgeFolder own)
    {
        if (Adopted.FirstOrDefault(folder => folder.EdgeId == own.EdgeId) is { } copy)
        {
            throw new StartUpException(
                $"{Setting}: {copy.Path} is a copy of this edge's own folder {own.Path}; move the older one away.");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var folder in Adopted)
        {
            folder.Dispose();
        }
    }

    private static string[] Folders(string parent)
    {
        try
        {
            return [.. Directory.EnumerateDirectories(Path.GetFullPath(parent)).Order(StringComparer.Ordinal)];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new StartUpException(
                $"{Setting}: {parent} cannot be read ({exception.Message}), takes a folder of edges' folders.");
        }
    }
}

using Microsoft.Win32.SafeHandles;

namespace Tracking.RedirectEdge.Events;

/// <summary>Creates files in the edge's folder. They contain recipients' actions, so only their owner may read them,
/// with any umask of the process.</summary>
internal static class OwnFile
{
    /// <summary>The mode of a new file.</summary>
    public const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Opens a file in the same way as <see cref="File.OpenHandle"/>. An existing file keeps its
    /// mode.</summary>
    /// <exception cref="IOException">The file could not be opened.</exception>
    public static SafeFileHandle Open(string path, FileMode mode, FileAccess access)
    {
        var isNew = mode is FileMode.CreateNew or FileMode.Create || !File.Exists(path);
        var handle = File.OpenHandle(path, mode, access);
        try
        {
            if (isNew && !OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(handle, OwnerOnly);
            }

            return handle;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }
}

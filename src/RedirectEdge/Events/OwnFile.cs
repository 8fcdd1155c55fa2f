using Microsoft.Win32.SafeHandles;

namespace Tracking.RedirectEdge.Events;

/// <summary>Files of the edge's folder, which hold what recipients did: their owner alone may read them, whatever the
/// process's umask.</summary>
internal static class OwnFile
{
    /// <summary>The mode of a new one.</summary>
    public const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Opens one, as <see cref="File.OpenHandle"/> does; one that was there before keeps its mode.</summary>
    /// <exception cref="IOException">It could not be opened.</exception>
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

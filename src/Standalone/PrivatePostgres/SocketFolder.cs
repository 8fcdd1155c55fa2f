using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Tracking.Standalone.PrivatePostgres;

/// <summary>
/// The cluster folder as the place of the server's socket. A socket's path has at most 107 bytes (<c>sun_path</c> in
/// unix(7)), and a data folder's path may be longer. So the folder is held open and named by its descriptor. That name
/// is short for any path. It still means this folder if another user replaces the path.
/// </summary>
internal sealed partial class SocketFolder : IDisposable
{
    private const int LongestSocketPath = 107;
    private const int PathOnly = 0x200000;
    private const int CloseOnExec = 0x80000;

    private readonly string _path;
    private readonly SafeFileHandle _folder;

    /// <summary>Opens the folder.</summary>
    /// <exception cref="IOException">The folder cannot be opened.</exception>
    public SocketFolder(string path)
    {
        _path = path;
        _folder = Open(path, PathOnly | CloseOnExec);
        if (_folder.IsInvalid)
        {
            throw new IOException($"open of {path}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    /// <summary>The folder's name for this process.</summary>
    public string Here => $"/proc/self/fd/{Descriptor}";

    /// <summary>The folder's name for other programs of this user and of root, valid while this process runs: the path,
    /// if it is short enough.</summary>
    /// <param name="socketNumber">The number in the socket's name.</param>
    public string Elsewhere(int socketNumber)
    {
        // A comma in a connection string would begin another host.
        var socket = $"{_path}/.s.PGSQL.{socketNumber.ToString(CultureInfo.InvariantCulture)}";
        return Encoding.UTF8.GetByteCount(socket) <= LongestSocketPath && !_path.Contains(',', StringComparison.Ordinal)
            ? _path
            : $"/proc/{Environment.ProcessId.ToString(CultureInfo.InvariantCulture)}/fd/{Descriptor}";
    }

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    private string Descriptor => _folder.DangerousGetHandle().ToString(CultureInfo.InvariantCulture);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);
}

using System.Globalization;
using System.Text;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.Standalone;

/// <summary>
/// The data folder, held exclusively while the process lives. Only its owner can read the secrets in it. The lock is
/// the kernel's (flock): it ends with the process, however the process ends.
/// </summary>
internal sealed class DataFolder : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnerOnlyFolder = OwnerOnly | UnixFileMode.UserExecute;
    private const int WouldBlock = 11;
    private const string ProcessIdFile = "tracking.pid";

    private readonly FileStream _lock;

    private DataFolder(string path, FileStream held) => (Path, _lock) = (path, held);

    /// <summary>The absolute path without symbolic links, as the kernel reports it.</summary>
    public string Path { get; }

    /// <summary>The private PostgreSQL's cluster.</summary>
    public string Cluster => In("postgres");

    /// <summary>The private PostgreSQL's password.</summary>
    public string DatabasePassword => In("postgres.password");

    /// <summary>The place of the private PostgreSQL's socket, as a URI for <c>psql</c> and <c>pg_dump</c>.</summary>
    public string DatabaseUri => In("postgres.uri");

    /// <summary>The key that seals signing keys.</summary>
    public string MasterKey => In("master.key");

    /// <summary>The admin API key of the first start.</summary>
    public string AdminKey => In("admin.key");

    /// <summary>The self-signed certificate and its key.</summary>
    public string EdgeCertificate => In("edge-tls.pem");

    /// <summary>The certificates in use, sealed.</summary>
    public string CertificateCopy => In("certificates.copy");

    /// <summary>The edge's spool.</summary>
    public string EdgeSpool => In("edge");

    /// <summary>Creates the folder if necessary, and locks it for this process.</summary>
    /// <exception cref="StartUpException">The folder cannot be written to, another process holds it, or other users can
    /// reach its content.</exception>
    public static DataFolder Open(string folder)
    {
        var path = System.IO.Path.GetFullPath(folder);
        FileStream held;
        try
        {
            CreateFolder(path);
            CheckSecrets.Folder(path);
            held = new FileStream(System.IO.Path.Combine(path, "lock"), new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                UnixCreateMode = OwnerOnly,
            });
        }
        catch (IOException taken) when (taken.HResult == WouldBlock)
        {
            throw new StartUpException(
                $"the data folder {path} is in use by another Tracking{Holder(path)}. "
                + "Stop that one, or give this one its own folder with TRACKING_DATA.",
                StartUp.Unavailable);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new StartUpException(
                $"the data folder {path} cannot be written to ({refused.Message.TrimEnd('.')}). "
                + "Set TRACKING_DATA to a folder that this user may write to.");
        }

        try
        {
            return Hold(path, held);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>The path of a file or folder in the data folder.</summary>
    public string In(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Creates a folder that only its owner may enter. An existing folder keeps its mode.</summary>
    public static void CreateFolder(string path)
    {
        if (!Directory.Exists(path))
        {
            Directory.CreateDirectory(path, OwnerOnlyFolder);
        }
    }

    /// <summary>Writes a file that only its owner may read: as a whole or not at all, even at a power cut.</summary>
    public static void WriteSecret(string path, string content)
    {
        var unfinished = path + ".new";
        File.Delete(unfinished);
        using (var file = new FileStream(unfinished, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = OwnerOnly,
        }))
        {
            file.Write(Encoding.UTF8.GetBytes(content));
            file.Flush(flushToDisk: true);
        }

        File.Move(unfinished, path, overwrite: true);
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    private static DataFolder Hold(string path, FileStream held)
    {
        File.WriteAllText(
            System.IO.Path.Combine(path, ProcessIdFile), Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        var real = new FileInfo($"/proc/self/fd/{held.SafeFileHandle.DangerousGetHandle()}").LinkTarget;
        var folder = new DataFolder(real is null ? path : System.IO.Path.GetDirectoryName(real)!, held);
        CheckSecrets.In(folder);
        return folder;
    }

    private static string Holder(string path)
    {
        try
        {
            return $" (process {File.ReadAllText(System.IO.Path.Combine(path, ProcessIdFile))})";
        }
        catch (IOException)
        {
            return "";
        }
    }
}

using System.Buffers.Binary;
using System.Globalization;
using Tracking.Contracts;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.RedirectEdge.Events;

/// <summary>
/// The folder of an edge, locked against every other process: <c>lock</c>, <c>edge-id</c>, <c>sequence</c>, the
/// segments under <c>spool/</c>, copies of hosts and links. The folder contains the edge's id: a new folder is a new
/// edge, and an edge that starts on a folder of a former edge continues as that edge. The file <c>empty</c> says that
/// the folder has no events left to publish. An edge that opens the folder first removes this file.
/// </summary>
internal sealed class EdgeFolder : IDisposable
{
    /// <summary>The file that says that all events of the folder are stored.</summary>
    public const string EmptyMark = "empty";

    /// <summary>The file that holds the edge's id.</summary>
    public const string IdFile = "edge-id";

    private const string OwnSetting = "Tracking__Edge__Folder";
    private readonly FileStream _lock;

    private EdgeFolder(string path, FileStream @lock, Guid edgeId)
    {
        Path = path;
        SpoolPath = System.IO.Path.Combine(path, "spool");
        _lock = @lock;
        EdgeId = edgeId;
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>The folder of the segments.</summary>
    public string SpoolPath { get; }

    /// <summary>The edge.</summary>
    public Guid EdgeId { get; }

    /// <summary>Creates the folder if it is missing, locks it and reads the edge's id.</summary>
    /// <param name="folder">The folder's path.</param>
    /// <param name="setting">The name of the setting with the path, for the message.</param>
    /// <exception cref="StartUpException">The folder cannot be used. The message has the reason and the
    /// remedy.</exception>
    public static EdgeFolder Open(string folder, string setting = OwnSetting)
    {
        var path = System.IO.Path.GetFullPath(folder);
        FileStream? held = null;
        try
        {
            OwnFolder.Prepare(path, setting);
            OwnFolder.Prepare(System.IO.Path.Combine(path, "spool"), setting);
            held = Lock(path, setting);
            var id = ReadOrCreateId(path, setting);
            RemoveEmptyMark(path);
            return new EdgeFolder(path, held, id);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            held?.Dispose();
            throw new StartUpException(
                $"{setting}: {path} cannot be written ({exception.Message}), takes a folder of this edge's own.");
        }
        catch
        {
            held?.Dispose();
            throw;
        }
    }

    /// <summary>Replaces a file as a whole: a reader, or a start after a power cut, finds either the old or the new
    /// file.</summary>
    /// <param name="name">The file's name in this folder.</param>
    /// <param name="content">The new content; a checksum is added.</param>
    public void WriteChecked(string name, ReadOnlySpan<byte> content) => WriteChecked(Path, name, content);

    /// <summary>Reads what <see cref="WriteChecked(string, ReadOnlySpan{byte})"/> wrote.</summary>
    /// <returns><see langword="null"/> when the file is missing or its checksum is wrong.</returns>
    public byte[]? ReadChecked(string name) => ReadChecked(Path, name);

    /// <summary>Writes the file <c>empty</c>: every event of this folder is stored, and no event is appended until the
    /// folder is opened again.</summary>
    /// <exception cref="IOException">The file could not be written.</exception>
    public void MarkEmpty() => ReplaceFile(Path, EmptyMark, System.Text.Encoding.ASCII.GetBytes($"{EdgeId:D}\n"));

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    // The removal is synced before events are appended: after a power cut the mark must not be beside events.
    private static void RemoveEmptyMark(string path)
    {
        var mark = System.IO.Path.Combine(path, EmptyMark);
        if (File.Exists(mark))
        {
            File.Delete(mark);
            SyncDirectory.Flush(path);
        }
    }

    private static FileStream Lock(string path, string setting)
    {
        try
        {
            // FileShare.None is flock(2) here: the lock ends with the process, however the process ends.
            var options = new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
            };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = OwnFile.OwnerOnly;
            }

            return new FileStream(System.IO.Path.Combine(path, "lock"), options);
        }
        catch (IOException exception) when (exception is not (DirectoryNotFoundException or PathTooLongException))
        {
            throw new StartUpException(
                $"{setting}: {path} is in use by another edge, takes a folder of this edge's own.",
                StartUp.Unavailable);
        }
    }

    // The id and the reservation belong together. An id without its reservation could use a sequence again. Segments
    // without their id would be stored under two keys. Without segments a new edge is always safe. With segments a
    // person decides.
    private static Guid ReadOrCreateId(string path, string setting)
    {
        var file = System.IO.Path.Combine(path, IdFile);
        if (File.Exists(file)
            && Guid.TryParse(File.ReadAllText(file).Trim(), CultureInfo.InvariantCulture, out var id)
            && ReadChecked(path, SequenceReservation.FileName) is not null)
        {
            return id;
        }

        if (Directory.EnumerateFiles(System.IO.Path.Combine(path, "spool")).Any())
        {
            throw new StartUpException(
                $"{setting}: {path} holds events under spool/ but not the files edge-id and sequence they belong to. "
                + "Put both back, or move the folder away to start as a new edge without those events.",
                StartUp.Failed);
        }

        var created = Guid.NewGuid();
        WriteChecked(path, SequenceReservation.FileName, SequenceReservation.First);
        ReplaceFile(path, IdFile, System.Text.Encoding.ASCII.GetBytes($"{created:D}\n"));
        return created;
    }

    private static byte[]? ReadChecked(string path, string name)
    {
        var file = System.IO.Path.Combine(path, name);
        if (!File.Exists(file))
        {
            return null;
        }

        var bytes = File.ReadAllBytes(file);
        return bytes.Length >= 4
            && BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(^4..)) == EventRecord.Crc32C(bytes.AsSpan(..^4))
                ? bytes[..^4]
                : null;
    }

    private static void WriteChecked(string path, string name, ReadOnlySpan<byte> content)
    {
        var bytes = new byte[content.Length + 4];
        content.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(^4..), EventRecord.Crc32C(content));
        ReplaceFile(path, name, bytes);
    }

    private static void ReplaceFile(string path, string name, byte[] bytes)
    {
        var file = System.IO.Path.Combine(path, name);
        var temporary = file + ".tmp";
        using (var handle = OwnFile.Open(temporary, FileMode.Create, FileAccess.Write))
        {
            RandomAccess.Write(handle, bytes, 0);
            RandomAccess.FlushToDisk(handle);
        }

        File.Move(temporary, file, overwrite: true);
        SyncDirectory.Flush(path);
    }
}

using System.Runtime.InteropServices;

namespace Tracking.ServiceDefaults.Hosting;

/// <summary>Whose a file or folder is, and what it lets others do. .NET knows modes but no owners, so this calls the C
/// library; symbolic links are followed.</summary>
/// <param name="User">The owner's number.</param>
/// <param name="Mode">Its permissions.</param>
public readonly partial record struct FileOwner(uint User, UnixFileMode Mode)
{
    /// <summary>What a folder lets users do who are neither its owner nor of its group.</summary>
    public const UnixFileMode Others =
        UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>What it lets its group and others do.</summary>
    public const UnixFileMode GroupAndOthers =
        Others | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute;

    // statx(2): its structure is the same on every architecture, which that of stat(2) is not.
    private const int WorkingDirectory = -100;
    private const uint OwnerAndMode = 0x0000_0002 | 0x0000_0008;
    private const int NoSuchFile = 2;
    private const int StructureSize = 256;
    private const int UserOffset = 20;
    private const int ModeOffset = 28;
    private const int PermissionBits = 0xFFF;

    /// <summary>The number of the user that this process runs as.</summary>
    public static uint CurrentUser => GetEffectiveUser();

    /// <summary>The mode as <c>chmod</c> takes it.</summary>
    public string Octal => Convert.ToString((int)Mode, 8).PadLeft(4, '0');

    /// <summary>Looks at a file or folder.</summary>
    /// <exception cref="IOException">It is not there or cannot be reached.</exception>
    public static FileOwner Of(string path) =>
        Find(path) ?? throw new FileNotFoundException($"{path} is not there.", path);

    /// <summary>Looks at a file or folder that may not be there.</summary>
    /// <returns><see langword="null"/> when it is not there, or a symbolic link leads to nothing.</returns>
    /// <exception cref="IOException">It cannot be reached.</exception>
    public static FileOwner? Find(string path)
    {
        Span<byte> structure = stackalloc byte[StructureSize];
        if (Look(WorkingDirectory, path, 0, OwnerAndMode, ref MemoryMarshal.GetReference(structure)) < 0)
        {
            return Marshal.GetLastPInvokeError() == NoSuchFile
                ? null
                : throw new IOException($"{path}: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        // In the machine's own byte order, as the kernel wrote it.
        return new FileOwner(
            MemoryMarshal.Read<uint>(structure[UserOffset..]),
            (UnixFileMode)(MemoryMarshal.Read<ushort>(structure[ModeOffset..]) & PermissionBits));
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Look(int folder, string path, int flags, uint mask, ref byte structure);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUser();
}

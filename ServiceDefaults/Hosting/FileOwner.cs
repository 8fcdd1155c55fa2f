using System.Runtime.InteropServices;

namespace Tracking.ServiceDefaults.Hosting;

/// <summary>The owner of a file or folder, and the rights of others. .NET has modes but no owners, so this calls the C
/// library. Symbolic links are followed.</summary>
/// <param name="User">The owner's number.</param>
/// <param name="Mode">The permissions.</param>
public readonly partial record struct FileOwner(uint User, UnixFileMode Mode)
{
    /// <summary>The rights of users who are neither the owner nor in the group.</summary>
    public const UnixFileMode Others =
        UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>The rights of the group and of others.</summary>
    public const UnixFileMode GroupAndOthers =
        Others | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute;

    // statx(2): its structure is the same on every architecture, unlike that of stat(2).
    private const int WorkingDirectory = -100;
    private const uint OwnerAndMode = 0x0000_0002 | 0x0000_0008;
    private const int NoSuchFile = 2;
    private const int StructureSize = 256;
    private const int UserOffset = 20;
    private const int ModeOffset = 28;
    private const int PermissionBits = 0xFFF;

    /// <summary>The number of the user of this process.</summary>
    public static uint CurrentUser => GetEffectiveUser();

    /// <summary>The mode in the form for <c>chmod</c>.</summary>
    public string Octal => Convert.ToString((int)Mode, 8).PadLeft(4, '0');

    /// <summary>Reads the owner of a file or folder.</summary>
    /// <exception cref="IOException">The file is missing or cannot be reached.</exception>
    public static FileOwner Of(string path) =>
        Find(path) ?? throw new FileNotFoundException($"{path} does not exist.", path);

    /// <summary>Reads the owner of a file or folder that may be missing.</summary>
    /// <returns><see langword="null"/> for a missing file, or a symbolic link without a target.</returns>
    /// <exception cref="IOException">The file cannot be reached.</exception>
    public static FileOwner? Find(string path)
    {
        Span<byte> structure = stackalloc byte[StructureSize];
        if (Look(WorkingDirectory, path, 0, OwnerAndMode, ref MemoryMarshal.GetReference(structure)) < 0)
        {
            return Marshal.GetLastPInvokeError() == NoSuchFile
                ? null
                : throw new IOException($"{path}: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        // In the byte order of the machine, in which the kernel wrote it.
        return new FileOwner(
            MemoryMarshal.Read<uint>(structure[UserOffset..]),
            (UnixFileMode)(MemoryMarshal.Read<ushort>(structure[ModeOffset..]) & PermissionBits));
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Look(int folder, string path, int flags, uint mask, ref byte structure);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUser();
}

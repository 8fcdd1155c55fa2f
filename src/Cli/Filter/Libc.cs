using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Tracking.Cli.Filter;

/// <summary>Functions of the C library that .NET does not offer: starting a process whose standard input is a
/// file.</summary>
internal static partial class Libc
{
    /// <summary>SIGCHLD.</summary>
    public const int ChildSignal = 17;

    /// <summary>SIGKILL.</summary>
    public const int KillSignal = 9;

    // The size is larger than the types of posix_spawn and of signals in any C library for Linux (glibc: 336, 80, 128
    // and 128 bytes).
    private const int OpaqueBytes = 1024;

    private const int CloseOnExec = 1;
    private const int ById = 1;
    private const int Exited = 4;
    private const int LeaveStatus = 0x01000000;
    private const short SetSignalDefaults = 4;
    private const short SetSignalMask = 8;

    /// <summary>An empty file in memory.</summary>
    /// <exception cref="Win32Exception">There is no memory, or no free handle.</exception>
    public static SafeFileHandle CreateMemoryFile(string name)
    {
        var handle = MemfdCreate(name, CloseOnExec);
        return handle >= 0 ? new SafeFileHandle(handle, ownsHandle: true) : throw new Win32Exception();
    }

    /// <summary>Starts a program. Its output and errors go into one file.</summary>
    /// <exception cref="Win32Exception">The program cannot be started.</exception>
    public static unsafe int Spawn(
        string program, string[] arguments, string[] environment, SafeFileHandle input, SafeFileHandle output)
    {
        var actions = stackalloc byte[OpaqueBytes];
        var attributes = stackalloc byte[OpaqueBytes];
        var signals = stackalloc byte[OpaqueBytes];
        Check(FileActionsInit(actions));
        Check(FileActionsAddDup2(actions, (int)input.DangerousGetHandle(), 0));
        Check(FileActionsAddDup2(actions, (int)output.DangerousGetHandle(), 1));
        Check(FileActionsAddDup2(actions, (int)output.DangerousGetHandle(), 2));

        // .NET ignores SIGPIPE, and ignored signals stay ignored in a new program.
        Check(AttributesInit(attributes));
        Check(AttributesSetFlags(attributes, SetSignalDefaults | SetSignalMask));
        _ = EmptySignals(signals);
        Check(AttributesSetMask(attributes, signals));
        _ = FillSignals(signals);
        Check(AttributesSetDefaults(attributes, signals));

        var error = PosixSpawn(
            out var child, program, actions, attributes, [.. arguments, null], [.. environment, null]);
        _ = FileActionsDestroy(actions);
        _ = AttributesDestroy(attributes);
        return error == 0
            ? child
            : throw new Win32Exception(error, $"{program} cannot be started: {Marshal.GetPInvokeErrorMessage(error)}");
    }

    /// <summary>Waits for a child's end without removing its status.</summary>
    /// <exception cref="Win32Exception">There is no such child.</exception>
    public static unsafe void WaitForEnd(int child)
    {
        var information = stackalloc byte[OpaqueBytes];
        while (WaitId(ById, child, information, Exited | LeaveStatus) != 0)
        {
            ThrowUnlessInterrupted();
        }
    }

    /// <summary>The status of a child that has ended.</summary>
    /// <exception cref="Win32Exception">There is no such child.</exception>
    public static int Reap(int child)
    {
        int status;
        while (WaitPid(child, out status, 0) != child)
        {
            ThrowUnlessInterrupted();
        }

        return status;
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int process, int signal);

    [LibraryImport("libc", EntryPoint = "signal", SetLastError = true)]
    public static partial nint Signal(int signal, nint handler);

    // EINTR is 4 everywhere.
    private static void ThrowUnlessInterrupted()
    {
        if (Marshal.GetLastPInvokeError() != 4)
        {
            throw new Win32Exception();
        }
    }

    private static void Check(int error)
    {
        if (error != 0)
        {
            throw new Win32Exception(error);
        }
    }

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true,
        StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MemfdCreate(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "posix_spawn", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int PosixSpawn(
        out int child, string path, byte* actions, byte* attributes, string?[] arguments, string?[] environment);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    private static unsafe partial int FileActionsInit(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    private static unsafe partial int FileActionsAddDup2(byte* actions, int handle, int newHandle);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    private static unsafe partial int FileActionsDestroy(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_init")]
    private static unsafe partial int AttributesInit(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setflags")]
    private static unsafe partial int AttributesSetFlags(byte* attributes, short flags);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigdefault")]
    private static unsafe partial int AttributesSetDefaults(byte* attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigmask")]
    private static unsafe partial int AttributesSetMask(byte* attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_destroy")]
    private static unsafe partial int AttributesDestroy(byte* attributes);

    [LibraryImport("libc", EntryPoint = "sigemptyset")]
    private static unsafe partial int EmptySignals(byte* signals);

    [LibraryImport("libc", EntryPoint = "sigfillset")]
    private static unsafe partial int FillSignals(byte* signals);

    [LibraryImport("libc", EntryPoint = "waitid", SetLastError = true)]
    private static unsafe partial int WaitId(int kind, int id, byte* information, int options);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    private static partial int WaitPid(int process, out int status, int options);
}

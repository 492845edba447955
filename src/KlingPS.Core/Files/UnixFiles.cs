using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace KlingPS.Core.Files;

/// <summary>
/// What .NET does not tell about files on Linux and macOS (which file it is, how many names it has) and does not do (open a pipe without
/// waiting for its other end), asked of the system's C library.
/// </summary>
/// <remarks>
/// <c>statx</c> is used on Linux because its result looks the same on every processor; <c>stat</c> has another layout on each. The runtime's
/// own System.Native has a portable <c>stat</c>, but that is not a public interface and does not count names.
/// </remarks>
internal static class UnixFiles
{
    private const string LibC = "libc";

    private const int PermissionDenied = 1;
    private const int NotFound = 2;
    private const int Interrupted = 4;
    private const int AccessDenied = 13;
    private const int NotAFolder = 20;

    private static readonly bool s_isMac = OperatingSystem.IsMacOS();

    /// <summary>The error of a lock that another process holds, as Linux and macOS number it.</summary>
    private static readonly int s_wouldBlock = s_isMac ? 35 : 11;
    private static readonly int s_nameTooLong = s_isMac ? 63 : 36;

    /// <summary>The number of the user that this process works for; 0 for root.</summary>
    public static uint User => GetUser();

    /// <summary>Looks at what has a name.</summary>
    /// <returns><see langword="null"/> when nothing has it.</returns>
    public static FileFacts? Look(string path, bool followsLink)
    {
        byte[] result = new byte[256];
        byte[] name = Terminated(path);
        int error = s_isMac ? MacStat.ByName(name, followsLink, result) : LinuxStat.ByName(name, followsLink, result);
        return error switch
        {
            0 => Read(result),
            NotFound or NotAFolder => null,
            _ => throw CreateException(error, path),
        };
    }

    /// <summary>Looks at an open file.</summary>
    public static FileFacts Look(SafeFileHandle handle)
    {
        byte[] result = new byte[256];
        int error = s_isMac ? MacStat.ByHandle(handle, result) : LinuxStat.ByHandle(handle, result);
        return error == 0 ? Read(result) : throw CreateException(error, path: null);
    }

    /// <summary>Opens a file for reading, without waiting for the other end of a pipe or for a device; locks it as .NET does.</summary>
    /// <exception cref="FileNotFoundException">Nothing has this name.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="IOException">It cannot be opened, or another process has it to itself.</exception>
    public static SafeFileHandle OpenToRead(string path)
    {
        int descriptor;
        int error;
        do
        {
            descriptor = Open(Terminated(path), OpenQuietly);
            error = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
        while (error == Interrupted);

        if (error is NotFound or NotAFolder)
        {
            throw new FileNotFoundException($"There is no file '{path}'.", path);
        }

        if (error != 0)
        {
            throw CreateException(error, path);
        }

        const int Shared = 1;
        const int DoNotWaitForLock = 4;
        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        if (Lock(handle, Shared | DoNotWaitForLock) != 0 && Marshal.GetLastPInvokeError() == s_wouldBlock)
        {
            handle.Dispose();
            throw new IOException($"'{path}' is being used by another process.", s_wouldBlock);
        }

        return handle;
    }

    /// <summary>Removes the lock of a file from <see cref="OpenToRead"/>, for all copies of its handle.</summary>
    public static void Unlock(SafeFileHandle file)
    {
        const int Remove = 8;
        _ = Lock(file, Remove);
    }

    /// <summary>Opens a file that exists, so that everything written to it comes after whatever any process has written before.</summary>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static SafeFileHandle OpenToAppend(string path)
    {
        const int Write = 0x1;
        const int Append = 0x400;
        const int MacAppend = 0x8;
        int flags = Write | OpenQuietly | (s_isMac ? MacAppend : Append);
        int descriptor;
        int error;
        do
        {
            descriptor = Open(Terminated(path), flags);
            error = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
        while (error == Interrupted);

        return error == 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw CreateException(error, path);
    }

    /// <summary>Writes to an open file in one step, where its handle says: .NET itself always says where, and overwrites what others have appended.</summary>
    /// <returns>How many bytes were written; less than all if the disk is full.</returns>
    /// <exception cref="IOException">Nothing can be written.</exception>
    public static int Write(SafeFileHandle file, byte[] content)
    {
        nint written;
        int error;
        do
        {
            written = Write(file, content, content.Length);
            error = written < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
        while (error == Interrupted);

        return error == 0 ? (int)written : throw CreateException(error, path: null);
    }

    /// <summary>Renames a file unless something has the new name.</summary>
    /// <returns><see langword="false"/> if the file system cannot do that in one step; nothing is changed then.</returns>
    /// <exception cref="IOException">Something has this name already, or the file cannot be renamed.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be renamed.</exception>
    public static bool TryMoveNew(string from, string to)
    {
        const int NotSupported = 22;
        const int NotImplemented = 38;
        const int MacNotSupported = 45;
        int error = s_isMac ? MacRename.WithoutReplacing(Terminated(from), Terminated(to)) : LinuxRename.WithoutReplacing(Terminated(from), Terminated(to));
        return error == 0 || (error is NotSupported or NotImplemented or MacNotSupported ? false : throw CreateException(error, to));
    }

    /// <summary>Opens without waiting for the other end of a pipe or for a device, and hands nothing down to child processes.</summary>
    private static int OpenQuietly
    {
        get
        {
            const int DoNotWait = 0x800;
            const int CloseOnExecute = 0x80000;
            const int NoTerminal = 0x100;
            const int MacDoNotWait = 0x4;
            const int MacCloseOnExecute = 0x1000000;
            const int MacNoTerminal = 0x20000;
            return s_isMac ? MacDoNotWait | MacCloseOnExecute | MacNoTerminal : DoNotWait | CloseOnExecute | NoTerminal;
        }
    }

    private static FileFacts Read(byte[] result) => s_isMac ? MacStat.Read(result) : LinuxStat.Read(result);

    private static byte[] Terminated(string path) => Encoding.UTF8.GetBytes(path + '\0');

    private static UnixPermissions PermissionsOf(uint owner, int mode) => new(owner, (UnixFileMode)(mode & 0xFFF));

    private static FileKind KindOf(int mode) => (mode & 0xF000) switch
    {
        0x8000 => FileKind.Ordinary,
        0x4000 => FileKind.Folder,
        0xA000 => FileKind.Link,
        0x1000 => FileKind.Pipe,
        0xC000 => FileKind.Socket,
        _ => FileKind.Device,
    };

    private static DateTimeOffset TimeOf(long seconds, long nanoseconds)
    {
        const long FirstSecond = -62_135_596_800;
        const long LastSecond = 253_402_300_799;
        return DateTimeOffset.FromUnixTimeSeconds(Math.Clamp(seconds, FirstSecond, LastSecond)).AddTicks(nanoseconds / 100);
    }

    private static FileId? IdOf(ulong device, ulong number) => number == 0 ? null : new FileId(device, number);

    private static Exception CreateException(int error, string? path)
    {
        string reason = Marshal.GetPInvokeErrorMessage(error);
        string message = path is null ? reason : $"'{path}': {reason}.";
        return error is PermissionDenied or AccessDenied ? new UnauthorizedAccessException(message)
            : error == s_nameTooLong ? new PathTooLongException(message)
            : error == NotFound ? new FileNotFoundException(message, path)
            : new IOException(message, error);
    }

    [DllImport(LibC, EntryPoint = "geteuid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern uint GetUser();

    [DllImport(LibC, EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open(byte[] path, int flags);

    [DllImport(LibC, EntryPoint = "write", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Write(SafeFileHandle file, byte[] content, nint length);

    [DllImport(LibC, EntryPoint = "flock", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Lock(SafeFileHandle file, int operation);

    private static class LinuxRename
    {
        private const int CurrentFolder = -100;
        private const int DoNotReplace = 1;

        public static int WithoutReplacing(byte[] from, byte[] to)
        {
            nint call = RuntimeInformation.ProcessArchitecture switch
            {
                Architecture.X64 => 316,
                Architecture.X86 => 353,
                Architecture.Arm => 382,
                _ => 276,
            };
            return Syscall(call, CurrentFolder, from, CurrentFolder, to, DoNotReplace) == 0 ? 0 : Marshal.GetLastPInvokeError();
        }

        /// <summary>Not by its name: the C library of older systems does not have it.</summary>
        [DllImport(LibC, EntryPoint = "syscall", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static extern nint Syscall(nint number, nint folder, byte[] from, nint otherFolder, byte[] to, nint flags);
    }

    private static class MacRename
    {
        private const uint DoNotReplace = 4;

        public static int WithoutReplacing(byte[] from, byte[] to)
            => Rename(from, to, DoNotReplace) == 0 ? 0 : Marshal.GetLastPInvokeError();

        [DllImport(LibC, EntryPoint = "renamex_np", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static extern int Rename(byte[] from, byte[] to, uint flags);
    }

    /// <summary>The structure of <c>statx</c>, by offsets.</summary>
    private static class LinuxStat
    {
        private const int CurrentFolder = -100;
        private const int DoNotFollow = 0x100;
        private const int TheHandleItself = 0x1000;
        private const uint BasicFacts = 0x7FF;
        private static readonly byte[] s_noName = [0];

        /// <summary>Set when the C library is too old to have <c>statx</c>; the kernel has it anyway.</summary>
        private static volatile bool s_isOldLibrary;

        public static int ByName(byte[] path, bool followsLink, byte[] result)
        {
            int flags = followsLink ? 0 : DoNotFollow;
            return Call(
                () => Statx(CurrentFolder, path, flags, BasicFacts, result),
                () => (int)Syscall(CallNumber, CurrentFolder, path, flags, (nint)BasicFacts, result));
        }

        public static int ByHandle(SafeFileHandle handle, byte[] result) => Call(
            () => Statx(handle, s_noName, TheHandleItself, BasicFacts, result),
            () => (int)Syscall(CallNumber, handle, s_noName, TheHandleItself, (nint)BasicFacts, result));

        public static FileFacts Read(byte[] result)
        {
            ulong device = ((ulong)BitConverter.ToUInt32(result, 136) << 32) | BitConverter.ToUInt32(result, 140);
            return new FileFacts(
                KindOf(BitConverter.ToUInt16(result, 28)),
                IdOf(device, BitConverter.ToUInt64(result, 32)),
                BitConverter.ToUInt32(result, 16),
                BitConverter.ToInt64(result, 40),
                TimeOf(BitConverter.ToInt64(result, 96), BitConverter.ToUInt32(result, 104)))
            {
                Permissions = PermissionsOf(BitConverter.ToUInt32(result, 20), BitConverter.ToUInt16(result, 28)),
            };
        }

        private static nint CallNumber => RuntimeInformation.ProcessArchitecture switch
        {
            Architecture.X64 => 332,
            Architecture.X86 => 383,
            Architecture.Arm => 397,
            _ => 291,
        };

        private static int Call(Func<int> library, Func<int> kernel)
        {
            int result;
            do
            {
                try
                {
                    result = s_isOldLibrary ? kernel() : library();
                }
                catch (EntryPointNotFoundException)
                {
                    s_isOldLibrary = true;
                    result = kernel();
                }
            }
            while (result != 0 && Marshal.GetLastPInvokeError() == Interrupted);

            return result == 0 ? 0 : Marshal.GetLastPInvokeError();
        }

        [DllImport(LibC, EntryPoint = "statx", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static extern int Statx(int folder, byte[] path, int flags, uint mask, [Out] byte[] result);

        [DllImport(LibC, EntryPoint = "statx", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static extern int Statx(SafeFileHandle file, byte[] path, int flags, uint mask, [Out] byte[] result);

        [DllImport(LibC, EntryPoint = "syscall", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static extern nint Syscall(nint number, nint folder, byte[] path, nint flags, nint mask, [Out] byte[] result);

        [DllImport(LibC, EntryPoint = "syscall", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static extern nint Syscall(nint number, SafeFileHandle file, byte[] path, nint flags, nint mask, [Out] byte[] result);
    }

    /// <summary>The structure of <c>stat</c> on macOS, by offsets; Intel's functions for it have names of their own.</summary>
    private static class MacStat
    {
        private static readonly bool s_isIntel = RuntimeInformation.ProcessArchitecture == Architecture.X64;

        public static int ByName(byte[] path, bool followsLink, byte[] result) => Call(() => (followsLink, s_isIntel) switch
        {
            (true, true) => StatIntel(path, result),
            (true, false) => Stat(path, result),
            (false, true) => LinkStatIntel(path, result),
            (false, false) => LinkStat(path, result),
        });

        public static int ByHandle(SafeFileHandle handle, byte[] result)
            => Call(() => s_isIntel ? FileStatIntel(handle, result) : FileStat(handle, result));

        public static FileFacts Read(byte[] result) => new(
            KindOf(BitConverter.ToUInt16(result, 4)),
            IdOf(BitConverter.ToUInt32(result, 0), BitConverter.ToUInt64(result, 8)),
            BitConverter.ToUInt16(result, 6),
            BitConverter.ToInt64(result, 96),
            TimeOf(BitConverter.ToInt64(result, 64), BitConverter.ToInt64(result, 72)))
        {
            Permissions = PermissionsOf(BitConverter.ToUInt32(result, 16), BitConverter.ToUInt16(result, 4)),
        };

        private static int Call(Func<int> function)
        {
            int result;
            do
            {
                result = function();
            }
            while (result != 0 && Marshal.GetLastPInvokeError() == Interrupted);

            return result == 0 ? 0 : Marshal.GetLastPInvokeError();
        }

        [DllImport(LibC, EntryPoint = "stat", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static extern int Stat(byte[] path, [Out] byte[] result);

        [DllImport(LibC, EntryPoint = "stat$INODE64", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static extern int StatIntel(byte[] path, [Out] byte[] result);

        [DllImport(LibC, EntryPoint = "lstat", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static extern int LinkStat(byte[] path, [Out] byte[] result);

        [DllImport(LibC, EntryPoint = "lstat$INODE64", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static extern int LinkStatIntel(byte[] path, [Out] byte[] result);

        [DllImport(LibC, EntryPoint = "fstat", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static extern int FileStat(SafeFileHandle file, [Out] byte[] result);

        [DllImport(LibC, EntryPoint = "fstat$INODE64", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static extern int FileStatIntel(SafeFileHandle file, [Out] byte[] result);
    }
}

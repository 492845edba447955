using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace KlingPS.Core.Files;

/// <summary>What .NET does not tell about files on Windows: which file it is, how many names it has, and whether it is a file at all.</summary>
internal static class WindowsFiles
{
    private const string Kernel = "kernel32.dll";

    /// <summary>Looks at what has a name.</summary>
    /// <returns><see langword="null"/> when nothing has it.</returns>
    public static FileFacts? Look(string path, bool followsLink)
    {
        const int ReadAttributes = 0x80;
        const int ShareAll = 7;
        const int OpenExisting = 3;
        const int TakeFolders = 0x02000000;
        const int DoNotFollow = 0x00200000;
        const int FileNotFound = 2;
        const int PathNotFound = 3;
        const int AccessDenied = 5;
        const int InvalidName = 123;
        const int NameTooLong = 206;

        // Other files have this attribute as well, such as those kept in a cloud.
        bool isLink = !followsLink && new FileInfo(path).LinkTarget is not null;
        int flags = TakeFolders | (isLink ? DoNotFollow : 0);
        using SafeFileHandle handle = CreateFile(Extended(path), ReadAttributes, ShareAll, 0, OpenExisting, flags, 0);
        if (!handle.IsInvalid)
        {
            return isLink ? Look(handle) with { Kind = FileKind.Link } : Look(handle);
        }

        int error = Marshal.GetLastPInvokeError();
        string message = $"'{path}': {new Win32Exception(error).Message}";
        return error switch
        {
            FileNotFound or PathNotFound or InvalidName => null,
            AccessDenied => throw new UnauthorizedAccessException(message),
            NameTooLong => throw new PathTooLongException(message),
            _ => throw new IOException(message, unchecked((int)0x80070000) | error),
        };
    }

    /// <summary>Looks at an open file.</summary>
    public static FileFacts Look(SafeFileHandle handle)
    {
        const int Disk = 1;
        const int Pipe = 3;
        const int Folder = 0x10;
        const int BasicFacts = 0;
        int type = GetFileType(handle);
        if (type != Disk)
        {
            return new FileFacts(type == Pipe ? FileKind.Pipe : FileKind.Device, null, 1, 0, default);
        }

        byte[] facts = new byte[52];
        byte[] basic = new byte[40];
        if (!GetFileInformationByHandle(handle, facts) || !GetFileInformationByHandleEx(handle, BasicFacts, basic, basic.Length))
        {
            throw new IOException(Marshal.GetLastPInvokeErrorMessage());
        }

        uint attributes = BitConverter.ToUInt32(facts, 0);
        ulong number = Joined(facts, 44);
        return new FileFacts(
            (attributes & Folder) != 0 ? FileKind.Folder : FileKind.Ordinary,
            number == 0 ? null : new FileId(BitConverter.ToUInt32(facts, 28), number),
            BitConverter.ToUInt32(facts, 40),
            (long)Joined(facts, 32),
            DateTimeOffset.FromFileTime(Math.Clamp(BitConverter.ToInt64(basic, 24), 0, DateTimeOffset.MaxValue.ToFileTime())));
    }

    /// <summary>A number whose upper half is stored first.</summary>
    private static ulong Joined(byte[] bytes, int offset) => ((ulong)BitConverter.ToUInt32(bytes, offset) << 32) | BitConverter.ToUInt32(bytes, offset + 4);

    /// <summary>The form of a path that may be longer than 260 characters.</summary>
    private static string Extended(string path) => path.Length < 240 || path.StartsWith(@"\\?\", StringComparison.Ordinal) ? path
        : path.StartsWith(@"\\", StringComparison.Ordinal) ? @"\\?\UNC\" + path[2..]
        : @"\\?\" + path;

    [DllImport(Kernel, EntryPoint = "CreateFileW", CharSet = CharSet.Unicode, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static extern SafeFileHandle CreateFile(string path, int access, int share, nint security, int disposition, int flags, nint template);

    [DllImport(Kernel, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static extern int GetFileType(SafeFileHandle file);

    [DllImport(Kernel, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool GetFileInformationByHandle(SafeFileHandle file, [Out] byte[] facts);

    [DllImport(Kernel, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool GetFileInformationByHandleEx(SafeFileHandle file, int kind, [Out] byte[] facts, int size);
}

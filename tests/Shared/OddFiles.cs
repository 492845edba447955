using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace KlingPS.Tests.Shared;

/// <summary>Puts into a folder what is no ordinary file, or has more than one name.</summary>
internal static class OddFiles
{
    /// <summary>Why tests of pipes, sockets and devices are skipped on Windows, where a folder cannot hold them.</summary>
    public const string NotOnWindows = "On Windows, pipes, sockets and devices have no place in a folder.";

    /// <summary>What somebody else has written, where a link or a second name leads.</summary>
    public const string Theirs = "what somebody else has written";

    /// <summary>What may stand where an ordinary file of our own should be.</summary>
    public static IReadOnlyList<string> Kinds { get; } = OperatingSystem.IsWindows()
        ? ["link", "dangling link", "hard link", "folder"]
        : ["link", "dangling link", "hard link", "folder", "pipe", "socket", "device"];

    /// <summary>Puts one of <see cref="Kinds"/> at a path.</summary>
    /// <param name="kind">What.</param>
    /// <param name="path">Where.</param>
    /// <param name="theirs">
    /// The file of somebody else that the links lead to, with <see cref="Theirs"/> in it where it does not exist yet; a dangling link leads
    /// to nothing beside it.
    /// </param>
    public static void Put(string kind, string path, string theirs)
    {
        if (kind is "link" or "hard link" && !File.Exists(theirs))
        {
            File.WriteAllText(theirs, Theirs);
        }

        _ = kind switch
        {
            "link" => Link(path, theirs),
            "dangling link" => Link(path, theirs + "-nothing"),
            "hard link" => HardLink(path, theirs),
            "folder" => Directory.CreateDirectory(path).FullName,
            "pipe" => Pipe(path),
            "socket" => Socket(path),
            _ => Device(path),
        };
    }

    /// <summary>Makes a named pipe that nobody has open: whoever opens it waits.</summary>
    public static string Pipe(string path)
    {
        const uint OwnerOnly = 0x180;
        Require(MakePipe(Terminated(path), OwnerOnly), path);
        return path;
    }

    /// <summary>Makes a socket that nobody listens on.</summary>
    public static string Socket(string path)
    {
        // The system limits the length of a socket's path, so it is bound in a short place and moved.
        string bound = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N"));
        using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            socket.Bind(new UnixDomainSocketEndPoint(bound));
            Require(Rename(Terminated(bound), Terminated(path)), path);
        }

        return path;
    }

    /// <summary>Makes a link to a device that never ends.</summary>
    public static string Device(string path) => Link(path, "/dev/zero");

    /// <summary>Makes a symbolic link.</summary>
    public static string Link(string path, string target)
    {
        File.CreateSymbolicLink(path, target);
        return path;
    }

    /// <summary>Makes a symbolic link to a folder.</summary>
    public static string FolderLink(string path, string target)
    {
        Directory.CreateSymbolicLink(path, target);
        return path;
    }

    /// <summary>Gives a file a second name.</summary>
    public static string HardLink(string path, string existing)
    {
        Require(OperatingSystem.IsWindows() ? (CreateHardLink(path, existing, 0) ? 0 : -1) : MakeLink(Terminated(existing), Terminated(path)), path);
        return path;
    }

    /// <summary>Keeps a copy of an open file, as a program that is just being started has one.</summary>
    public static SafeFileHandle Copy(SafeFileHandle file) => new(Duplicate(file), ownsHandle: true);

    private static byte[] Terminated(string path) => Encoding.UTF8.GetBytes(path + '\0');

    private static void Require(int result, string path)
    {
        if (result != 0)
        {
            throw new IOException($"'{path}' could not be made: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    [DllImport("libc", EntryPoint = "mkfifo", SetLastError = true)]
    private static extern int MakePipe(byte[] path, uint mode);

    [DllImport("libc", EntryPoint = "link", SetLastError = true)]
    private static extern int MakeLink(byte[] existing, byte[] path);

    [DllImport("libc", EntryPoint = "rename", SetLastError = true)]
    private static extern int Rename(byte[] from, byte[] to);

    [DllImport("libc", EntryPoint = "dup", SetLastError = true)]
    private static extern int Duplicate(SafeFileHandle file);

    [DllImport("kernel32.dll", EntryPoint = "CreateHardLinkW", CharSet = CharSet.Unicode, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool CreateHardLink(string path, string existing, nint security);
}

using Microsoft.Win32.SafeHandles;

namespace KlingPS.Core.Files;

/// <summary>What something in a folder is.</summary>
internal enum FileKind
{
    /// <summary>A file with content.</summary>
    Ordinary,

    /// <summary>A folder.</summary>
    Folder,

    /// <summary>A symbolic link, or on Windows a junction, that was not followed.</summary>
    Link,

    /// <summary>A named pipe.</summary>
    Pipe,

    /// <summary>A socket.</summary>
    Socket,

    /// <summary>A device.</summary>
    Device,
}

/// <summary>
/// Distinguishes a file or folder from every other on this machine, whatever name it is found under. A later file may get the id of one
/// that was deleted.
/// </summary>
/// <param name="Device">The file system.</param>
/// <param name="Number">The file within it.</param>
internal readonly record struct FileId(ulong Device, ulong Number);

/// <summary>What the file system knows about a file, a folder, or anything else with a name.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Id">Which one it is; <see langword="null"/> on a file system that does not tell.</param>
/// <param name="Names">How many names (hard links) it has.</param>
/// <param name="Length">Its length in bytes, as it claims. Files such as those below <c>/proc</c> claim 0 and have content.</param>
/// <param name="ChangedAt">
/// When its content, its names or its permissions were last changed. Unlike the time of the last write, no program can set it as it likes.
/// </param>
internal sealed record FileFacts(FileKind Kind, FileId? Id, long Names, long Length, DateTimeOffset ChangedAt)
{
    /// <summary>Who may do what with it; <see langword="null"/> on Windows, which uses access lists.</summary>
    public UnixPermissions? Permissions { get; init; }

    /// <summary>What a message calls something that is not a file with content.</summary>
    public string Description => Describe(Kind);

    /// <summary>Looks at what a path leads to. Links are followed.</summary>
    /// <param name="path">The full path.</param>
    /// <returns><see langword="null"/> when nothing is there, or a link that leads to nothing.</returns>
    /// <exception cref="UnauthorizedAccessException">A folder on the way may not be searched.</exception>
    /// <exception cref="IOException">The path is too long for the file system, leads through too many links, or cannot be looked at.</exception>
    public static FileFacts? Of(string path) => Look(path, followsLink: true);

    /// <summary>Looks at what has the name at the end of a path: a link there is the link itself. Links on the way are followed.</summary>
    /// <param name="path">The full path.</param>
    /// <returns><see langword="null"/> when nothing has this name.</returns>
    /// <exception cref="UnauthorizedAccessException">A folder on the way may not be searched.</exception>
    /// <exception cref="IOException">As <see cref="Of(string)"/>.</exception>
    public static FileFacts? OfName(string path) => Look(path, followsLink: false);

    /// <summary>Looks at what a path leads to. Links are followed.</summary>
    /// <param name="path">A path, which another machine may have recorded.</param>
    /// <returns><see langword="null"/> when nothing is there, when it is not a full path on this machine, or when it cannot be looked at.</returns>
    public static FileFacts? TryOf(string path) => TryLook(path, followsLink: true);

    /// <summary>Looks at what has the name at the end of a path, without following a link there.</summary>
    /// <inheritdoc cref="TryOf(string)"/>
    public static FileFacts? TryOfName(string path) => TryLook(path, followsLink: false);

    /// <summary>Whether a path leads to a file with content.</summary>
    /// <param name="path">A path, which another machine may have recorded.</param>
    public static bool IsOrdinary(string path) => TryOf(path) is { Kind: FileKind.Ordinary };

    /// <summary>Looks at an open file, whatever has its name by now.</summary>
    /// <exception cref="IOException">It cannot be looked at.</exception>
    public static FileFacts Of(SafeFileHandle handle)
    {
        ArgumentNullException.ThrowIfNull(handle);
        return OperatingSystem.IsWindows() ? WindowsFiles.Look(handle) : UnixFiles.Look(handle);
    }

    /// <summary>What a message calls something of a kind.</summary>
    public static string Describe(FileKind kind) => kind switch
    {
        FileKind.Ordinary => "a file",
        FileKind.Folder => "a folder",
        FileKind.Link => "a link",
        FileKind.Pipe => "a named pipe",
        FileKind.Socket => "a socket",
        _ => "a device",
    };

    private static FileFacts? TryLook(string path, bool followsLink)
    {
        try
        {
            return Path.IsPathFullyQualified(path) ? Look(path, followsLink) : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static FileFacts? Look(string path, bool followsLink)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);

        // No file has such a name, and the system would take it for the end of the path.
        return path.Contains('\0', StringComparison.Ordinal) ? null
            : OperatingSystem.IsWindows() ? WindowsFiles.Look(path, followsLink)
            : UnixFiles.Look(path, followsLink);
    }
}

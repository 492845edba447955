using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace KlingPS.Core.Files;

/// <summary>Who may read a file that is created.</summary>
internal enum FileReaders
{
    /// <summary>Its owner alone: it holds prompts, paths or settings.</summary>
    Owner,

    /// <summary>Whoever the user's umask lets read it, such as a video.</summary>
    Umask,

    /// <summary>Everybody, whatever the umask says: it is written for another user's program to read.</summary>
    Everyone,
}

/// <summary>
/// Opens files to write them: files of our own only. Another program, or whoever has made the folder, may have put something else under
/// our name: a link to another file, a second name of one, a pipe. None of these is followed, written to or replaced. Whatever the umask
/// says, nobody but the owner may write to what is created.
/// </summary>
internal static class OwnFile
{
    /// <summary>Creates a file.</summary>
    /// <param name="path">The full path.</param>
    /// <param name="readers">Who may read it.</param>
    /// <param name="access">What it is for.</param>
    /// <param name="share">What other programs may do to it meanwhile.</param>
    /// <param name="options">As for a <see cref="FileStream"/>.</param>
    /// <exception cref="IOException">Something has this name already, even a link to nothing; or it cannot be created.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be created.</exception>
    public static FileStream Create(
        string path,
        FileReaders readers,
        FileAccess access = FileAccess.Write,
        FileShare share = FileShare.None,
        FileOptions options = FileOptions.None)
    {
        try
        {
            return CreateNew(path, readers, access, share, options);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException && Directory.Exists(Path.GetDirectoryName(path)))
        {
            // This happens in /proc: "not found" for a new file does not give the reason.
            throw new IOException($"No file can be created in the folder '{Path.GetDirectoryName(path)}'.", exception);
        }
        catch (IOException exception) when (IsTemporary(path))
        {
            throw exception is DirectoryNotFoundException ? new DirectoryNotFoundException($"There is no folder '{Path.GetDirectoryName(path)}'.", exception) : TemporaryStream.NameFolder(exception, path);
        }
        catch (UnauthorizedAccessException exception) when (IsTemporary(path))
        {
            throw new UnauthorizedAccessException($"No file can be created in the folder '{Path.GetDirectoryName(path)}': access is denied.", exception);
        }
    }

    /// <summary>Whether the name means nothing to the user, so that a message should name the folder.</summary>
    private static bool IsTemporary(string path) => Path.GetFileName(path).StartsWith(TemporaryFile.Prefix, StringComparison.Ordinal);

    private static FileStream CreateNew(string path, FileReaders readers, FileAccess access, FileShare share, FileOptions options)
    {
        var all = new FileStreamOptions { Mode = FileMode.CreateNew, Access = access, Share = share, Options = options, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            const UnixFileMode All = OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
            all.UnixCreateMode = readers == FileReaders.Owner ? OwnerOnly : All;
            if (readers == FileReaders.Everyone)
            {
                return Open(path, all, All);
            }
        }

        return IsTemporary(path) ? new TemporaryStream(path, all) : new FileStream(path, all);
    }

    /// <summary>Opens a file and gives it a mode that the umask does not affect.</summary>
    [UnsupportedOSPlatform("windows")]
    private static FileStream Open(string path, FileStreamOptions options, UnixFileMode mode)
    {
        var file = new FileStream(path, options);
        try
        {
            File.SetUnixFileMode(file.SafeFileHandle, mode);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Creates a folder, with those above it, if there is none. Nobody else may write to what is created.</summary>
    /// <param name="path">The full path.</param>
    /// <param name="readers">Who may read it, if it is created.</param>
    /// <exception cref="IOException">Something else has this name, or it cannot be created.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be created.</exception>
    public static void CreateFolder(string path, FileReaders readers)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
            return;
        }

        const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        CreateFolder(path, readers == FileReaders.Owner ? OwnerOnly : OwnerOnly | Others);
    }

    /// <summary>.NET gives the mode to the last folder only; whoever could write to one above it could put another in its place.</summary>
    [UnsupportedOSPlatform("windows")]
    private static void CreateFolder(string path, UnixFileMode mode)
    {
        if (Path.GetDirectoryName(path) is string above && !Directory.Exists(above))
        {
            CreateFolder(above, mode);
        }

        Directory.CreateDirectory(path, mode);
    }

    /// <summary>Opens or creates a file that only one owner on the machine can have open at a time, and can rename while it is open.</summary>
    /// <param name="path">The full path.</param>
    /// <param name="readers">Who may read it, if it is created; <see langword="null"/> to open only one that is there.</param>
    /// <returns>The file, for reading and writing; <see langword="null"/> while another owner has it, or if there is none to open.</returns>
    /// <exception cref="NotOrdinaryFileException">Something that is not a file of ours has this name: see <see cref="Require(FileFacts, string)"/>.</exception>
    /// <exception cref="IOException">The file has other names as well, or cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be opened.</exception>
    public static FileStream? TryOpenExclusive(string path, FileReaders? readers)
    {
        // Both are exclusive. On Windows an open file can be renamed only if it shares deletion; elsewhere only None takes the lock.
        FileShare share = OperatingSystem.IsWindows() ? FileShare.Delete : FileShare.None;
        FileFacts? named = FileFacts.OfName(path);
        if (named is not null)
        {
            RequireOrdinary(named, path);
        }
        else if (readers is null)
        {
            return null;
        }

        FileStream file;
        try
        {
            file = named is null
                ? Create(path, readers!.Value, FileAccess.ReadWrite, share)
                : new FileStream(path, FileMode.Open, FileAccess.ReadWrite, share, bufferSize: 0);
        }
        catch (IOException exception) when (IsHeldByAnother(exception) || (named is null ? FileFacts.OfName(path) is not null : exception is FileNotFoundException))
        {
            return null;
        }

        try
        {
            // The lock comes a moment after the opening: in between, another owner may have renamed this very file.
            if (!IsNamed(file, path))
            {
                file.Dispose();
                return null;
            }

            Require(FileFacts.Of(file.SafeFileHandle), path);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Writes a whole file, or leaves the existing one as it is. Nobody ever reads half of it.</summary>
    /// <param name="path">The full path.</param>
    /// <param name="content">What it holds.</param>
    /// <param name="readers">Who may read it.</param>
    /// <exception cref="NotOrdinaryFileException">The name belongs to a link, or to something that is not a file.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public static void Replace(string path, ReadOnlySpan<byte> content, FileReaders readers)
    {
        if (FileFacts.OfName(path) is FileFacts present)
        {
            RequireOrdinary(present, path);
        }

        using TemporaryFile temporary = new(path, readers);
        temporary.Stream.Write(content);
        temporary.Keep(replaces: true);
    }

    /// <summary>Adds to the end of a file in one step, even if other processes do the same; creates the file when it is missing.</summary>
    /// <param name="path">The full path.</param>
    /// <param name="content">What to add; nothing, to see whether that can be done.</param>
    /// <param name="readers">Who may read it, if it is created.</param>
    /// <returns>How many bytes were added, less than all if the disk is full; <see langword="null"/> while another process has the file to itself, or has just renamed it.</returns>
    /// <exception cref="NotOrdinaryFileException">Something that is not a file of ours has this name.</exception>
    /// <exception cref="IOException">The file has other names as well, or cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public static int? TryAppend(string path, byte[] content, FileReaders readers)
    {
        ArgumentNullException.ThrowIfNull(content);
        if (FileFacts.OfName(path) is FileFacts named)
        {
            RequireOrdinary(named, path);
        }
        else
        {
            try
            {
                Create(path, readers).Dispose();
            }
            catch (IOException exception) when (IsTaken(exception))
            {
                // Another process was first.
            }
        }

        if (OperatingSystem.IsWindows())
        {
            return TryAppendAlone(path, content);
        }

        using SafeFileHandle? handle = OpenIfThere(path);
        if (handle is null)
        {
            return null;
        }

        FileFacts open = FileFacts.Of(handle);
        Require(open, path);
        if (FileFacts.OfName(path) is FileFacts present)
        {
            RequireOrdinary(present, path);
        }

        return content.Length == 0 ? 0 : UnixFiles.Write(handle, content);
    }

    private static SafeFileHandle? OpenIfThere(string path)
    {
        try
        {
            return UnixFiles.OpenToAppend(path);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Windows lets one process at a time write; the others wait.</summary>
    private static int? TryAppendAlone(string path, byte[] content)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read | FileShare.Delete, bufferSize: 0);
            Require(FileFacts.Of(file.SafeFileHandle), path);
            file.Write(content);
            return content.Length;
        }
        catch (IOException exception) when (IsHeldByAnother(exception))
        {
            return null;
        }
    }

    /// <summary>Renames a file and never replaces another, not even one created a moment ago. .NET itself checks first and then renames.</summary>
    /// <param name="from">The full path of the file.</param>
    /// <param name="to">The full path it gets, in the same folder.</param>
    /// <exception cref="IOException">Something has this name already, or the file cannot be renamed.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be renamed.</exception>
    public static void MoveNew(string from, string to)
    {
        if (OperatingSystem.IsWindows() || !UnixFiles.TryMoveNew(from, to))
        {
            File.Move(from, to, overwrite: false);
        }
    }

    /// <summary>Refuses anything that is not a file where one of our own should be, even a link to a file.</summary>
    /// <param name="facts">What it is, links not followed.</param>
    /// <param name="path">What it is called.</param>
    /// <exception cref="NotOrdinaryFileException">It is a link, a folder, a pipe, a socket or a device.</exception>
    public static void RequireOrdinary(FileFacts facts, string path)
    {
        ArgumentNullException.ThrowIfNull(facts);
        if (facts.Kind != FileKind.Ordinary)
        {
            throw new NotOrdinaryFileException(facts.Kind, $"'{path}' is {facts.Description}, where a file has to be written. Move it away, or give the path of a file.");
        }
    }

    /// <summary>Refuses a file that may be somebody else's: one that has other names as well, or is not a file at all.</summary>
    /// <param name="facts">What it is.</param>
    /// <param name="path">What it is called.</param>
    /// <exception cref="NotOrdinaryFileException">It is a link, a folder, a pipe, a socket or a device.</exception>
    /// <exception cref="IOException">It has other names as well, so what is written to it would be written to another file.</exception>
    public static void Require(FileFacts facts, string path)
    {
        RequireOrdinary(facts, path);
        if (facts.Names > 1)
        {
            throw new IOException(FormattableString.Invariant(
                $"'{path}' is one of {facts.Names} names of the same file (hard links), so what is written to it would change the others. Move it away."));
        }
    }

    /// <summary>Refuses what <see cref="Require(FileFacts, string)"/> refuses, for a file that is to be created or written; opens nothing.</summary>
    /// <param name="path">The full path. Nothing need be there.</param>
    /// <exception cref="IOException">As there; or the path is too long.</exception>
    /// <exception cref="UnauthorizedAccessException">A folder on the way may not be searched.</exception>
    public static void Require(string path)
    {
        if (FileFacts.OfName(path) is FileFacts facts)
        {
            Require(facts, path);
        }
    }

    /// <summary>Deletes a file if that is possible.</summary>
    /// <param name="path">The full path.</param>
    public static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Whatever kept it from being written keeps it from being deleted, too.
        }
    }

    /// <summary>Whether an open file still has this name.</summary>
    /// <exception cref="NotOrdinaryFileException">Something that is not a file has this name by now, even if it is a link to the file.</exception>
    public static bool IsNamed(FileStream file, string path)
    {
        FileFacts? named = FileFacts.OfName(path);
        if (named is null)
        {
            return false;
        }

        RequireOrdinary(named, path);
        return named.Id == FileFacts.Of(file.SafeFileHandle).Id;
    }

    /// <summary>ERROR_FILE_EXISTS, and EEXIST.</summary>
    private static bool IsTaken(IOException exception) => exception.HResult == (OperatingSystem.IsWindows() ? unchecked((int)0x80070050) : 17);

    /// <summary>ERROR_SHARING_VIOLATION, and EWOULDBLOCK as Linux and macOS number it.</summary>
    internal static bool IsHeldByAnother(IOException exception)
        => OperatingSystem.IsWindows() ? exception.HResult == unchecked((int)0x80070020) : exception.HResult is 11 or 35;
}

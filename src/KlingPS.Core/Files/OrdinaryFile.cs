using System.Buffers;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace KlingPS.Core.Files;

/// <summary>There is something other than a file with content where one is needed.</summary>
internal sealed class NotOrdinaryFileException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="message">What was to be opened, and what it is.</param>
    public NotOrdinaryFileException(FileKind kind, string message)
        : base(message)
    {
        Kind = kind;
    }

    /// <summary>What it is.</summary>
    public FileKind Kind { get; }
}

/// <summary>A file holds more than can be of use.</summary>
internal sealed class FileTooLongException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limit">The most bytes it may have.</param>
    public FileTooLongException(string path, int limit)
        : base(FormattableString.Invariant($"'{path}' has more than {limit:N0} bytes."))
    {
    }
}

/// <summary>
/// Opens files to read them: only ordinary ones, because a pipe or a device may have no end, or block the reader for ever. What counts is
/// the open file, not what had its name a moment before.
/// </summary>
internal static class OrdinaryFile
{
    /// <summary>Opens a file for reading. Links are followed.</summary>
    /// <param name="path">The full path.</param>
    /// <param name="bufferSize">As for a <see cref="FileStream"/>; unbuffered unless set.</param>
    /// <param name="options">As for a <see cref="FileStream"/>; hints that only Windows takes.</param>
    /// <param name="share">What other programs may do to it meanwhile; only Windows holds them to it.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="DirectoryNotFoundException">There is no such file, not even its folder.</exception>
    /// <exception cref="NotOrdinaryFileException">It is a folder, a pipe, a socket or a device.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static FileStream Open(string path, int bufferSize = 0, FileOptions options = FileOptions.None, FileShare share = FileShare.Read)
    {
        // Opening a device may do something with it, such as rewind a tape.
        if (FileFacts.Of(path) is FileFacts facts)
        {
            Require(facts, path);
        }

        if (OperatingSystem.IsWindows())
        {
            var stream = new FileStream(path, FileMode.Open, FileAccess.Read, share, bufferSize, options);
            return Require(stream, stream.SafeFileHandle, path);
        }

        SafeFileHandle handle = UnixFiles.OpenToRead(path);
        return new LockedStream(Require(handle, handle, path), bufferSize, path);
    }

    /// <summary>Whether a file holds a text in its first 512 bytes, by which its kind is known, or nothing at all, so that nothing is lost with it.</summary>
    /// <param name="path">The full path.</param>
    /// <param name="mark">The text.</param>
    /// <exception cref="IOException">As for <see cref="Open"/>.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static bool IsEmptyOrHolds(string path, string mark)
    {
        string beginning = Encoding.UTF8.GetString(ReadBeginning(path, 512));
        return beginning.Length == 0 || beginning.Contains(mark, StringComparison.Ordinal);
    }

    /// <summary>Reads a whole file, and no more of it than can be of use, however long it claims to be.</summary>
    /// <param name="path">The full path.</param>
    /// <param name="limit">The most bytes it may have.</param>
    /// <param name="share">As for <see cref="Open"/>.</param>
    /// <exception cref="FileTooLongException">It has more.</exception>
    /// <exception cref="IOException">As for <see cref="Open"/>.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static byte[] ReadAllBytes(string path, int limit, FileShare share = FileShare.Read)
    {
        const int Least = 4096;
        using FileStream stream = Open(path, share: share);

        // As much as it claims to have, and more only if more comes: the limit may be large, and most files are small.
        int room = (int)Math.Min(limit + 1L, Math.Max(stream.Length + 1, Least));
        byte[] buffer = ArrayPool<byte>.Shared.Rent(room);
        try
        {
            int length = stream.ReadAtLeast(buffer.AsSpan(0, room), room, throwOnEndOfStream: false);
            while (length == room && room <= limit)
            {
                room = (int)Math.Min(limit + 1L, room * 2L);
                byte[] larger = ArrayPool<byte>.Shared.Rent(room);
                buffer.AsSpan(0, length).CopyTo(larger);
                ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
                buffer = larger;
                length += stream.ReadAtLeast(buffer.AsSpan(length, room - length), room - length, throwOnEndOfStream: false);
            }

            return length <= limit ? buffer.AsSpan(0, length).ToArray() : throw new FileTooLongException(path, limit);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        }
    }

    /// <inheritdoc cref="ReadAllBytes"/>
    /// <param name="path">The full path.</param>
    /// <param name="limit">The most bytes it may have.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    public static Task<byte[]> ReadAllBytesAsync(string path, int limit, CancellationToken cancellationToken)
        => Task.Run(() => ReadAllBytes(path, limit), cancellationToken);

    /// <summary>Reads the first bytes of a file, which tell what it is.</summary>
    /// <param name="path">The full path.</param>
    /// <param name="length">How many; fewer are returned if the file is shorter.</param>
    /// <param name="share">What others may do with it meanwhile.</param>
    /// <exception cref="NotOrdinaryFileException">It is not an ordinary file.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static byte[] ReadBeginning(string path, int length, FileShare share = FileShare.Read)
    {
        byte[] beginning = new byte[length];
        using FileStream stream = Open(path, share: share);
        return beginning[..stream.ReadAtLeast(beginning, length, throwOnEndOfStream: false)];
    }

    /// <summary>Refuses anything that is not an ordinary file.</summary>
    /// <param name="facts">What it is.</param>
    /// <param name="path">What it is called.</param>
    /// <exception cref="NotOrdinaryFileException">It is something else.</exception>
    public static void Require(FileFacts facts, string path)
    {
        ArgumentNullException.ThrowIfNull(facts);
        if (facts.Kind != FileKind.Ordinary)
        {
            throw new NotOrdinaryFileException(facts.Kind, $"'{path}' is {facts.Description}, not an ordinary file.");
        }
    }

    private static T Require<T>(T owner, SafeFileHandle handle, string path)
        where T : IDisposable
    {
        try
        {
            Require(FileFacts.Of(handle), path);
            return owner;
        }
        catch
        {
            owner.Dispose();
            throw;
        }
    }

    /// <summary>A stream over a handle from <see cref="UnixFiles.OpenToRead"/> that knows what its file is called.</summary>
    private sealed class LockedStream(SafeFileHandle handle, int bufferSize, string name) : FileStream(handle, FileAccess.Read, bufferSize)
    {
        public override string Name => name;

        public override ValueTask DisposeAsync()
        {
            Unlock();
            return base.DisposeAsync();
        }

        protected override void Dispose(bool disposing)
        {
            Unlock();
            base.Dispose(disposing);
        }

        /// <summary>Removes the lock. Closing is not enough: a program that is just being started has a copy of the handle for a moment, and the lock with it.</summary>
        private void Unlock()
        {
            if (CanRead)
            {
                UnixFiles.Unlock(SafeFileHandle);
            }
        }
    }
}

namespace KlingPS.Core.Files;

/// <summary>
/// A file that is written under another name, in the same folder, and gets its own name when it is complete. Until then nobody sees any of it,
/// and if it never gets that far, nothing is left.
/// </summary>
internal sealed class TemporaryFile : IDisposable
{
    /// <summary>The start of the names that files have until then.</summary>
    public const string Prefix = ".klingps-";

    private readonly string _path;
    private readonly string _temporary;
    private bool _isKept;

    /// <summary>Creates the file.</summary>
    /// <param name="path">The full path that it will have.</param>
    /// <param name="readers">Who may read it.</param>
    /// <exception cref="IOException">It cannot be created.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be created.</exception>
    public TemporaryFile(string path, FileReaders readers)
    {
        _path = path;

        _temporary = NameIn(Path.GetDirectoryName(path)!);
        Stream = OwnFile.Create(_temporary, readers);
    }

    /// <summary>A path for a file that will get another name, or none. It is not derived from that name, which may be as long as names can be; and nobody can have put anything there.</summary>
    /// <param name="folder">The full path of the folder.</param>
    public static string NameIn(string folder) => Path.Combine(folder, $"{Prefix}{Guid.NewGuid():N}");

    /// <summary>What is written to.</summary>
    public FileStream Stream { get; }

    /// <summary>Gives the file its name.</summary>
    /// <param name="replaces">Whether another file of that name, looked at before, is replaced.</param>
    /// <param name="mode">Who may do what with it, if that is not as it was created; for Unix only.</param>
    /// <param name="writtenAt">When it was last written, if that is not now.</param>
    /// <exception cref="IOException">It cannot have the name.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not have the name.</exception>
    public void Keep(bool replaces, UnixFileMode? mode = null, DateTime? writtenAt = null)
    {
        if (mode is UnixFileMode given && !OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(Stream.SafeFileHandle, given);
        }

        Stream.Dispose();
        if (writtenAt is DateTime time)
        {
            File.SetLastWriteTimeUtc(_temporary, time);
        }

        try
        {
            if (replaces)
            {
                File.Move(_temporary, _path, overwrite: true);
            }
            else
            {
                OwnFile.MoveNew(_temporary, _path);
            }
        }
        catch (UnauthorizedAccessException exception) when (exception.Message.Contains(_temporary, StringComparison.Ordinal))
        {
            // Nobody knows the other name.
            throw new UnauthorizedAccessException(exception.Message.Replace(_temporary, _path, StringComparison.Ordinal), exception);
        }

        _isKept = true;
    }

    /// <summary>Deletes the file, unless it has got its name.</summary>
    public void Dispose()
    {
        Stream.Dispose();
        if (!_isKept)
        {
            OwnFile.TryDelete(_temporary);
        }
    }
}

/// <summary>A file that is written under a name that means nothing to anybody, so that errors, such as a full disk, are reported for its folder.</summary>
internal sealed class TemporaryStream(string path, FileStreamOptions options) : FileStream(path, options)
{
    private readonly string _path = path;

    /// <summary>The same exception without the name.</summary>
    public static IOException NameFolder(IOException exception, string path)
    {
        ArgumentNullException.ThrowIfNull(exception);
        return new(exception.Message.Replace(path, Path.GetDirectoryName(path), StringComparison.Ordinal), exception) { HResult = exception.HResult };
    }

    /// <inheritdoc/>
    /// <remarks>In a derived class, .NET's own methods write everything but single bytes through this.</remarks>
    public override void Write(byte[] buffer, int offset, int count)
    {
        try
        {
            base.Write(buffer, offset, count);
        }
        catch (IOException exception)
        {
            throw NameFolder(exception, _path);
        }
    }

    /// <inheritdoc/>
    public override void WriteByte(byte value) => Write([value], 0, 1);

    /// <inheritdoc/>
    public override void Flush(bool flushToDisk)
    {
        try
        {
            base.Flush(flushToDisk);
        }
        catch (IOException exception)
        {
            throw NameFolder(exception, _path);
        }
    }
}

namespace KlingPS.Core.Files;

/// <summary>Opens the files that videos are made from, and says in words what goes wrong.</summary>
internal static class SourceFile
{
    /// <summary>Opens a file for reading, unbuffered unless asked otherwise.</summary>
    /// <exception cref="KlingException">There is no such file, it is a folder, or it cannot be read.</exception>
    public static FileStream Open(string path, int bufferSize, FileOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            return OrdinaryFile.Open(path, bufferSize, options);
        }
        catch (NotOrdinaryFileException exception) when (exception.Kind == FileKind.Folder)
        {
            throw new KlingException(
                ErrorKind.ImageUnsupported,
                $"'{path}' is a folder; name a file in it, or use Get-ChildItem '{path}' to pipe the files in it.",
                exception);
        }
        catch (NotOrdinaryFileException exception)
        {
            throw new KlingException(ErrorKind.FileUnreadable, $"{exception.Message.TrimEnd('.')}; copy its content to a file first.", exception);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException or ArgumentException)
        {
            throw new KlingException(ErrorKind.PathNotFound, $"There is no file '{path}'; check the path.", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw Unreadable(path, exception);
        }
    }

    /// <summary>Opens a file that is read once, from its beginning to its end, in large blocks.</summary>
    /// <exception cref="KlingException">As <see cref="Open"/>.</exception>
    public static FileStream OpenToReadOnce(string path) => Open(path, bufferSize: 0, FileOptions.Asynchronous | FileOptions.SequentialScan);

    /// <summary>The error for a file that exists but cannot be read.</summary>
    public static KlingException Unreadable(string path, Exception cause) => new(
        ErrorKind.FileUnreadable,
        $"'{path}' cannot be read: {cause.Message}",
        cause);
}

namespace KlingPS.Core.Saving;

/// <summary>Opens a file that one owner has to itself, among all processes of the machine, and that it can rename while it is open.</summary>
internal static class ExclusiveFile
{
    /// <summary>Opens the file, or creates it.</summary>
    /// <param name="path">The full path.</param>
    /// <returns>The file, for reading and writing; <see langword="null"/> while another owner has it.</returns>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static FileStream? TryOpen(string path)
    {
        FileStream file;
        try
        {
            file = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,

                // Both are exclusive. On Windows an open file can be renamed only if it shares deletion; elsewhere only
                // None takes the lock.
                Share = OperatingSystem.IsWindows() ? FileShare.Delete : FileShare.None,
                BufferSize = 0,
            });
        }
        catch (IOException exception) when (IsHeldByAnother(exception))
        {
            return null;
        }

        // The lock comes a moment after the opening: in between, another owner may have renamed this very file.
        if (!File.Exists(path))
        {
            file.Dispose();
            return null;
        }

        return file;
    }

    /// <summary>ERROR_SHARING_VIOLATION, and EWOULDBLOCK as Linux and macOS number it.</summary>
    private static bool IsHeldByAnother(IOException exception)
        => OperatingSystem.IsWindows() ? exception.HResult == unchecked((int)0x80070020) : exception.HResult is 11 or 35;
}

namespace KlingPS.Core.Files;

/// <summary>What a user can do about a file that cannot be read or written, by what the system says is the matter.</summary>
internal static class FileTrouble
{
    /// <summary>ERROR_DISK_FULL, and ENOSPC.</summary>
    private static int DiskFull => OperatingSystem.IsWindows() ? unchecked((int)0x80070070) : 28;

    /// <summary>What to do about an error of a file.</summary>
    /// <param name="error">The error.</param>
    /// <returns><see langword="null"/> if the error is not about a file, or its cause is not known.</returns>
    public static string? FindRemedy(KlingException error)
    {
        ArgumentNullException.ThrowIfNull(error);
        return error.Kind switch
        {
            ErrorKind.FileUnreadable => AdviseOnReading(error.InnerException),
            ErrorKind.DestinationUnusable => AdviseOnWriting(error.InnerException, ErrorCatalog.Get(error.Kind).Advice),
            _ => null,
        };
    }

    /// <summary>What to do about a file that cannot be read.</summary>
    private static string? AdviseOnReading(Exception? cause) => KindOf(cause) switch
    {
        Trouble.Denied => "Change the permissions of the file, or those of the folders that it is in.",
        Trouble.Missing => "Check the path.",
        Trouble.NotAFile => "Give the path of an ordinary file.",
        Trouble.TooLong => "Give the file a shorter name, or move it to a folder with a shorter path.",
        Trouble.InUse => "Close the program that has the file open, and run the command again.",
        _ => null,
    };

    /// <summary>What to do about a file that cannot be written.</summary>
    /// <param name="cause">Why it cannot, if that is an exception; otherwise the message says it.</param>
    /// <param name="otherwise">How to name another place, as a sentence.</param>
    public static string AdviseOnWriting(Exception? cause, string otherwise)
    {
        string? remedy = KindOf(cause) switch
        {
            Trouble.None => null,
            Trouble.Denied => "Change the permissions so that you can write there",
            Trouble.Missing => "Create the folder",
            Trouble.NotAFile => "Move what is there out of the way",
            Trouble.TooLong => "Make the path shorter",
            Trouble.InUse => "Close the program that has the file open",
            Trouble.Full => "Free some space on the disk",
            _ => "Check that the folder exists, is writable and has space left",
        };
        return remedy is null ? otherwise : $"{remedy}, or {char.ToLowerInvariant(otherwise[0])}{otherwise[1..]}";
    }

    /// <summary>The exception of a disk without enough space, for what is known before the system says it.</summary>
    public static IOException CreateDiskFull() => new(message: null, DiskFull);

    private static Trouble KindOf(Exception? cause) => cause switch
    {
        null => Trouble.None,
        KlingException { InnerException: var inner } => KindOf(inner),
        UnauthorizedAccessException => Trouble.Denied,
        FileNotFoundException or DirectoryNotFoundException => Trouble.Missing,
        NotOrdinaryFileException => Trouble.NotAFile,
        PathTooLongException => Trouble.TooLong,
        IOException { HResult: var code } when code == DiskFull => Trouble.Full,
        IOException used when OwnFile.IsHeldByAnother(used) => Trouble.InUse,
        _ => Trouble.Other,
    };

    private enum Trouble
    {
        None,
        Other,
        Denied,
        Missing,
        NotAFile,
        TooLong,
        InUse,
        Full,
    }
}

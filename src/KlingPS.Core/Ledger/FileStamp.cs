using System.Globalization;
using KlingPS.Core.Files;

namespace KlingPS.Core.Ledger;

/// <summary>What tells whether a file has changed, without reading it.</summary>
/// <param name="Length">Its length in bytes.</param>
/// <param name="ModifiedAt">When it was last written. Any program can set this as it likes.</param>
/// <param name="Mark">
/// Which file it is and when the file system last saw it change, which no program can set; empty on a file system that does not tell, and
/// in what earlier versions have recorded.
/// </param>
internal readonly record struct FileStamp(long Length, DateTimeOffset ModifiedAt, string Mark = "")
{
    /// <summary>The stamp of a file at this moment.</summary>
    /// <param name="path">The full path.</param>
    /// <returns><see langword="null"/> when there is no such file.</returns>
    public static FileStamp? Of(string path)
    {
        var file = new FileInfo(path);
        return file.Exists ? new FileStamp(file.Length, file.LastWriteTimeUtc, MarkOf(path)) : null;
    }

    private static string MarkOf(string path) => FileFacts.TryOf(path) is FileFacts facts
        ? string.Create(CultureInfo.InvariantCulture, $"{facts.Id?.Number}:{facts.ChangedAt.UtcTicks}")
        : string.Empty;
}

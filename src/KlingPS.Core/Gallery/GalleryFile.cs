using System.Text;
using KlingPS.Core.Files;
using KlingPS.Core.Gallery.Page;

namespace KlingPS.Core.Gallery;

/// <summary>The file that a page is written to: known by its beginning where it was written before, and never somebody else's.</summary>
internal sealed class GalleryFile
{
    private const int IdLength = 32;
    private const int HeadLength = 256;

    private readonly string _path;
    private readonly bool _isPresent;
    private readonly UnixFileMode? _mode;

    private GalleryFile(string path, bool isPresent, string? id, UnixFileMode? mode)
    {
        _path = path;
        _isPresent = isPresent;
        _mode = mode;
        Id = id;
    }

    /// <summary>The id of the gallery whose page is there; <see langword="null"/> if none is.</summary>
    public string? Id { get; }

    /// <summary>Looks at what is there.</summary>
    /// <param name="path">The full path of the page.</param>
    /// <param name="overwrite">Whether it may be any file.</param>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.FileExists"/>: there is a file that is no gallery. <see cref="ErrorKind.DestinationUnusable"/>: no file can be there.
    /// </exception>
    public static GalleryFile Find(string path, bool overwrite)
    {
        try
        {
            if (FileFacts.OfName(path) is not FileFacts facts)
            {
                return new GalleryFile(path, isPresent: false, null, null);
            }

            if (facts.Kind == FileKind.Folder)
            {
                throw Unusable(path, "it is a folder. Name the file in it, such as gallery.html");
            }

            OwnFile.Require(facts, path);
            string? id = ReadId(path);
            return id is not null || overwrite
                ? new GalleryFile(path, isPresent: true, id, OperatingSystem.IsWindows() ? null : File.GetUnixFileMode(path))
                : throw new KlingException(ErrorKind.FileExists, $"'{path}' exists and is no page that Export-KlingGallery has written, so it was left as it is.")
                {
                    Advice = "Choose another -Path, or use -Force to overwrite the file.",
                };
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Unusable(path, exception.Message, exception);
        }
    }

    /// <summary>Writes the page, whole or not at all. Who may read the page that was there may read the new one.</summary>
    /// <param name="readers">Who may read it, where none was there.</param>
    /// <param name="write">Writes it.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.DestinationUnusable"/>: it cannot be written.</exception>
    public void Write(FileReaders readers, Action<TextWriter> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        const UnixFileMode Writers = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
        const int BufferSize = 64 * 1024;
        try
        {
            OwnFile.CreateFolder(Path.GetDirectoryName(_path)!, FileReaders.Umask);
            using var temporary = new TemporaryFile(_path, readers);
            using (var page = new StreamWriter(temporary.Stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), BufferSize, leaveOpen: true) { NewLine = "\n" })
            {
                write(page);
            }

            temporary.Keep(_isPresent, _mode & ~Writers);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Unusable(_path, exception.Message, exception);
        }
    }

    /// <summary>The error of a page that cannot be written.</summary>
    internal static KlingException Unusable(string path, string reason, Exception? cause = null)
        => new(ErrorKind.DestinationUnusable, $"The gallery cannot be written to '{path}': {reason.TrimEnd('.')}.", cause)
        {
            Advice = "Check that the folder exists, is writable and has space left, or choose another -Path.",
        };

    /// <summary>The id in the first lines of a page; <see langword="null"/> if it is none.</summary>
    private static string? ReadId(string path)
    {
        string text = Encoding.Latin1.GetString(OrdinaryFile.ReadBeginning(path, HeadLength));
        int mark = text.IndexOf(PageTemplate.Mark, StringComparison.Ordinal);
        string id = mark < 0 ? string.Empty : text[(mark + PageTemplate.Mark.Length)..];
        return text.StartsWith("<!doctype html>", StringComparison.OrdinalIgnoreCase)
            && id.Length > IdLength
            && id[..IdLength].All(char.IsAsciiHexDigitLower)
            ? id[..IdLength]
            : null;
    }
}

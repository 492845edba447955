using System.Text;
using KlingPS.Core.Files;
using KlingPS.Core.Gallery.Page;

namespace KlingPS.Core.Gallery;

/// <summary>The file that a page is written to: recognized by its beginning if it was written before, and never somebody else's.</summary>
internal sealed class GalleryFile
{
    private const int IdLength = 32;
    private const string PortableMark = " portable";
    private const int HeadLength = 256;

    private readonly string _path;
    private readonly bool _isPresent;
    private readonly bool _isPortable;
    private readonly UnixFileMode? _mode;

    private GalleryFile(string path, bool isPresent, string? id, bool isPortable, UnixFileMode? mode)
    {
        _path = path;
        _isPresent = isPresent;
        _isPortable = isPortable;
        _mode = mode;
        Id = id;
    }

    /// <summary>The id of the gallery whose page is there; <see langword="null"/> if none is.</summary>
    public string? Id { get; }

    /// <summary>Looks at what is there.</summary>
    /// <param name="path">The full path of the page.</param>
    /// <param name="overwrite">Whether it may be any file.</param>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.FileExists"/>: there is a file that is not a gallery. <see cref="ErrorKind.DestinationUnusable"/>: there cannot be a file.
    /// </exception>
    public static GalleryFile Find(string path, bool overwrite)
    {
        try
        {
            FileFacts? facts = FileFacts.OfName(path);
            if (facts?.Kind == FileKind.Folder || Path.EndsInDirectorySeparator(path))
            {
                throw Unusable(path, "it is the path of a folder. Name the file in it, such as gallery.html");
            }

            if (facts is null)
            {
                RequireFolder(path);
                return new GalleryFile(path, isPresent: false, null, isPortable: false, null);
            }

            OwnFile.Require(facts, path);
            (string? id, bool isPortable) = ReadMark(path);
            return id is not null || overwrite
                ? new GalleryFile(path, isPresent: true, id, isPortable, OperatingSystem.IsWindows() || id is null ? null : File.GetUnixFileMode(path))
                : throw new KlingException(ErrorKind.FileExists, $"'{path}' exists and is not a page that Export-KlingGallery has written, so it was left as it is.")
                {
                    Advice = "Choose another -Path, or use -Force to overwrite the file.",
                };
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Unusable(path, exception.Message, exception);
        }
    }

    /// <summary>What the first line of a page says after <see cref="PageTemplate.Mark"/>.</summary>
    /// <param name="id">The gallery's id.</param>
    /// <param name="isPortable">Whether the page is for others.</param>
    public static string MarkOf(string id, bool isPortable) => isPortable ? id + PortableMark : id;

    /// <summary>Creates the folder of the page, and checks whether the page can be written there, before anything else is written.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.DestinationUnusable"/>: it cannot be written.</exception>
    public void Prepare()
    {
        try
        {
            OwnFile.CreateFolder(Path.GetDirectoryName(_path)!, FileReaders.Umask);

            // Only the target folder can tell whether a name is too long.
            OwnFile.Require(_path);
            using var trial = new TemporaryFile(_path, FileReaders.Owner);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Unusable(_path, exception.Message, exception);
        }
    }

    /// <summary>
    /// Writes the page, whole or not at all. A page for others is readable by others, any other page only by its owner; unless the page that is
    /// replaced was of the same kind: then those who could read it can read this one.
    /// </summary>
    /// <param name="isPortable">Whether the page is for others.</param>
    /// <param name="write">Writes it.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.DestinationUnusable"/>: it cannot be written.</exception>
    public void Write(bool isPortable, Action<TextWriter> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        const UnixFileMode Writers = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
        const int BufferSize = 64 * 1024;
        try
        {
            using var temporary = new TemporaryFile(_path, isPortable ? FileReaders.Umask : FileReaders.Owner);
            using (var page = new StreamWriter(temporary.Stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), BufferSize, leaveOpen: true) { NewLine = "\n" })
            {
                write(page);
            }

            temporary.Keep(_isPresent, _isPortable == isPortable ? _mode & ~Writers : null);
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
            Advice = FileTrouble.AdviseOnWriting(cause, "Choose another -Path."),
        };

    /// <summary>A file in the place of one of the folders on the way.</summary>
    private static void RequireFolder(string path)
    {
        string? folder = Path.GetDirectoryName(path);
        while (folder is not null && !Path.Exists(folder))
        {
            folder = Path.GetDirectoryName(folder);
        }

        if (folder is not null && !Directory.Exists(folder))
        {
            throw Unusable(path, $"'{folder}' is not a folder");
        }
    }

    /// <summary>The id of the gallery whose page a file is; <see langword="null"/> if it is not one, or cannot be read.</summary>
    /// <param name="path">The full path.</param>
    public static string? TryReadId(string path)
    {
        try
        {
            return ReadMark(path).Id;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The id in the first lines of a page, <see langword="null"/> if there is none, and whether it is for others.</summary>
    private static (string? Id, bool IsPortable) ReadMark(string path)
    {
        string text = Encoding.Latin1.GetString(OrdinaryFile.ReadBeginning(path, HeadLength));
        int mark = text.IndexOf(PageTemplate.Mark, StringComparison.Ordinal);
        string id = mark < 0 ? string.Empty : text[(mark + PageTemplate.Mark.Length)..];
        return text.StartsWith("<!doctype html>", StringComparison.OrdinalIgnoreCase)
            && id.Length > IdLength
            && id[..IdLength].All(char.IsAsciiHexDigitLower)
            ? (id[..IdLength], id[IdLength..].StartsWith(PortableMark, StringComparison.Ordinal))
            : (null, false);
    }
}

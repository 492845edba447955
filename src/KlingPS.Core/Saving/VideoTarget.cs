using KlingPS.Core.Files;

namespace KlingPS.Core.Saving;

/// <summary>Finds out whether a video can get a path, before it is paid for and again before anything is written.</summary>
internal static class VideoTarget
{
    /// <summary>Refuses what a video can never replace: anything but a file, or a link, which is itself replaced.</summary>
    /// <param name="path">The full path of the video.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.DestinationUnusable"/>.</exception>
    public static void RequireNoObstacle(string path) => Guard(path, () =>
    {
        if (FileFacts.OfName(path) is { Kind: not (FileKind.Ordinary or FileKind.Link) } other)
        {
            throw new NotOrdinaryFileException(other.Kind, $"{Capitalized(other.Description)} has this name.");
        }
    });

    /// <summary>
    /// Refuses a path that could not be written: below something that is not a folder, with a name that is too long for the file system, or
    /// with something else in the place of the partial file. Writes nothing.
    /// </summary>
    /// <param name="path">The full path of the video.</param>
    /// <param name="destination">The full path of the folder that the user has named, even through a link: no link below it may lead out of it.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.DestinationUnusable"/>.</exception>
    public static void Require(string path, string destination)
    {
        RequireNoObstacle(path);
        string folder = Path.GetDirectoryName(path)!;
        DestinationFolder.RequireFolder(folder);
        RequireInside(path, destination);
        Guard(path, () =>
        {
            Place place = Place.Of(folder);
            string longest = path + PartialFile.LongestEnding;
            foreach (string name in (string[])[.. place.Missing, Path.GetFileName(longest)])
            {
                FileFacts.OfName(Path.Combine(place.Existing, name));
            }

            PartialFile.RequireOwn(path);
        });
    }

    /// <summary>Refuses a path that a link below the destination leads out of it.</summary>
    /// <param name="path">The full path of a file.</param>
    /// <param name="destination">As for <see cref="Require"/>.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.DestinationUnusable"/>.</exception>
    public static void RequireInside(string path, string destination)
    {
        Place folder = Place.Of(Path.GetDirectoryName(path)!);
        if (!folder.IsWithin(Place.Of(destination)))
        {
            throw CreateException(path, $"A link on the way leads out of the destination '{destination}', to '{folder.Path}'.");
        }
    }

    private static void Guard(string path, Action look)
    {
        try
        {
            look();
        }
        catch (PathTooLongException exception)
        {
            throw CreateException(path, "Its name is too long for this file system.", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw CreateException(path, exception.Message, exception);
        }
    }

    private static string Capitalized(string text) => char.ToUpperInvariant(text[0]) + text[1..];

    private static KlingException CreateException(string path, string reason, Exception? cause = null)
        => new(ErrorKind.DestinationUnusable, $"The video cannot be written to '{path}': {reason}", cause);
}

using System.Globalization;
using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Core.Gallery;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Hosting;

namespace KlingPS.Parameters;

/// <summary>What a user gives to be shown in a gallery: a task, a video, or a folder of videos; with what was chosen for it, if the input says so.</summary>
/// <param name="Reference">The task, if one is named.</param>
/// <param name="Path">The full path of a video or a folder, if one is named.</param>
/// <param name="Choice">What was chosen for it.</param>
internal sealed record GalleryInput(TaskReference? Reference, string? Path, GalleryChoice? Choice)
{
    /// <summary>Reads an input.</summary>
    /// <param name="input">A task, live or from another session; its id; a file or a folder, or the path of one; or an object with such properties.</param>
    /// <param name="paths">Resolves paths.</param>
    /// <returns>One for each file that matches a pattern; otherwise one.</returns>
    /// <exception cref="KlingException">It is not one of these, or there is no such file.</exception>
    public static IEnumerable<GalleryInput> Read(PSObject? input, FilePaths paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        input = TableRow.Of(input) ?? throw new KlingException(ErrorKind.RequestInvalid, "$null was given instead of a video or a task.");
        GalleryChoice? choice = ReadChoice(input);
        string? fullName = input.BaseObject is FileSystemInfo file ? file.FullName
            : input.BaseObject is string or KlingVideoTask ? null
            : Text(input, nameof(FileSystemInfo.FullName));
        if (fullName is not null)
        {
            TaskReference? task = Text(input, nameof(TaskReference.TaskId)) is string taskId ? new TaskReference { TaskId = taskId } : null;
            return [new GalleryInput(task, paths.GetLiteralPath(fullName), choice)];
        }

        if (input.BaseObject is string name && paths.LeadsToFile(name))
        {
            KlingException? error = null;
            List<GalleryInput> found = [.. paths.Resolve([name], isLiteral: false, (exception, _) => error = exception).Select(path => new GalleryInput(null, path, choice))];
            return error is null ? found : throw error;
        }

        if (input.BaseObject is string text && (text.AsSpan().IndexOfAny("/\\*?[") >= 0 || VideoFolder.IsVideo(text)))
        {
            throw new KlingException(ErrorKind.PathNotFound, $"There is no video or folder '{text}'.");
        }

        // A task from another session may belong to another ledger: then only its video is left.
        string? saved = input.BaseObject is KlingVideoTask ? null : Text(input, nameof(KlingVideoTask.SavedPath));
        return [new GalleryInput(TaskReferences.From(input), saved is null ? null : paths.TryGetFullPath(saved), choice)];
    }

    /// <summary>What was chosen, as Import-KlingGalleryChoice emits it.</summary>
    private static GalleryChoice? ReadChoice(PSObject input)
    {
        string? choice = Text(input, "Choice");
        string? rating = Text(input, "Rating");
        string? note = Text(input, "Note");
        if (choice is null && rating is null && note is null)
        {
            return null;
        }

        if (!Enum.TryParse(choice ?? nameof(Decision.None), ignoreCase: true, out Decision decision) || !Enum.IsDefined(decision))
        {
            throw new KlingException(ErrorKind.RequestInvalid, $"'{choice}' is not a choice that '{input}' can have. It can be Picked, Rejected or None.");
        }

        if (!int.TryParse(rating ?? "0", NumberStyles.None, CultureInfo.InvariantCulture, out int stars) || stars > GalleryChoice.MaxRating)
        {
            throw new KlingException(ErrorKind.RequestInvalid, $"'{rating}' is not a rating that '{input}' can have. It can be a whole number from 0 to {GalleryChoice.MaxRating}.");
        }

        DateTimeOffset? at = input.Properties["ChosenAt"]?.Value switch
        {
            DateTimeOffset moment => moment,
            DateTime moment => moment,
            _ => null,
        };
        var read = new GalleryChoice(decision, stars, note ?? string.Empty, at);

        ChoiceStamp? stamp = ChoiceStamp.TryRead(Text(input, "Stamp"));
        if (stamp is not null && stamp.Checksum != ChoiceStamp.ChecksumOf(read))
        {
            // A script has changed it just now.
            return read with { At = null, NotBefore = stamp.Since };
        }

        read = read with { NotBefore = stamp?.Since };

        // Import-KlingGalleryChoice also emits videos for which nothing was ever chosen; they undo no earlier choice.
        return read.SaysSomething || at is not null ? read : null;
    }

    private static string? Text(PSObject input, string property)
    {
        string? text = Convert.ToString(input.Properties[property]?.Value, CultureInfo.InvariantCulture);
        return string.IsNullOrWhiteSpace(text) ? null : text;
    }
}

using System.Collections.Concurrent;
using System.Globalization;
using KlingPS.Core.Files;
using KlingPS.Core.Model;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Submitting;

/// <summary>An earlier purchase of the same video, made from other content of the same files.</summary>
/// <param name="Task">The purchase.</param>
/// <param name="Paths">The files whose content has changed since.</param>
internal sealed record EarlierVersion(KlingVideoTask Task, IReadOnlyList<string> Paths)
{
    /// <summary>Whether a different take was bought from the one that is asked for now.</summary>
    public bool IsOfOtherTake { get; init; }

    /// <summary>What has changed, and what was bought: the beginning of a sentence, without a full stop.</summary>
    public override string ToString()
    {
        string date = Task.CreatedAt.ToLocalTime().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        string saved = Task.SavedPath is null ? string.Empty : $" ('{Task.SavedPath}')";
        string changed = string.Join(" and ", Paths.Select(path => $"'{path}'"));
        return $"{changed} {(Paths.Count == 1 ? "has" : "have")} other content now than on {date}, when {(IsOfOtherTake ? $"take {Task.Take.ToString(CultureInfo.InvariantCulture)} of " : string.Empty)}the same video was bought as task {Task.Id}{saved}";
    }
}

/// <summary>
/// Notices files whose content has changed since a video with the same settings was bought from them: that is another video, which is paid
/// for again, even if only a tag in the file was edited or a viewer rotated it.
/// </summary>
internal sealed class ChangedFiles(KlingService service)
{
    /// <summary>How many purchases from one file are examined.</summary>
    private const int MaxEarlier = 50;

    private readonly ConcurrentDictionary<string, byte> _told = new();

    /// <summary>Finds an earlier purchase that differs from what is to be bought only in the content of the files, and reports it.</summary>
    /// <param name="identified">The submission, which is about to be bought.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <returns><see langword="null"/> if there is none.</returns>
    /// <exception cref="KlingException"><see cref="ErrorKind.ImageChanged"/>: there is one, and the user wants such files to be left out.</exception>
    public async Task<EarlierVersion?> FindAsync(IdentifiedSubmission identified, CancellationToken cancellationToken)
    {
        Submission submission = identified.Submission;
        if (submission.AnotherOf is KlingVideoTask shown && FindReplaced(shown.Spec, submission.Spec) is { Length: > 0 } replaced)
        {
            return Tell(submission, new EarlierVersion(shown, replaced) { IsOfOtherTake = shown.Take != submission.Spec.Take });
        }

        string? image = PathOf(submission.Spec.Main);
        string? tail = PathOf(submission.Spec.TailImage);
        if ((image ?? tail) is null)
        {
            return null;
        }

        // It may have been bought through a link, or not.
        string path = image ?? tail!;
        EarlierVersion? otherTake = null;
        bool isContentKnown = false;
        foreach (string spelling in new[] { path, PlaceOf(path) }.Distinct())
        {
            foreach (KlingVideoTask task in await service.Session.Ledger.Tasks
                .ListByFilesAsync(service.Session.Account, image is null ? null : spelling, spelling, MaxEarlier, cancellationToken).ConfigureAwait(false))
            {
                string[] changed = [.. FindChanged(task.Spec, submission.Spec)];
                if (changed.Length > 0 && task.Spec.Normalized().WithFilesOf(submission.Spec, IsSame)?.GetIdentity() == identified.Identity)
                {
                    return Tell(submission, new EarlierVersion(task, changed));
                }

                if (submission.Spec.Take > 1 && FirstTakeOf(task.Spec).WithFilesOf(submission.Spec, IsSame)?.GetIdentity() == FirstTakeOf(submission.Spec).GetIdentity())
                {
                    isContentKnown |= changed.Length == 0;
                    otherTake ??= changed.Length == 0 ? null : new EarlierVersion(task, changed) { IsOfOtherTake = true };
                }
            }
        }

        // Another take of a video that was already bought with this content is no surprise.
        return isContentKnown || otherTake is null ? null : Tell(submission, otherTake);
    }

    private static VideoSpec FirstTakeOf(VideoSpec spec) => (spec with { Take = 1 }).Normalized();

    private static string PlaceOf(string path)
    {
        try
        {
            return Place.Of(path).Path;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return path;
        }
    }

    private static bool IsSame(string one, string other)
    {
        try
        {
            return Place.IsSame(one, other);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return false;
        }
    }

    private EarlierVersion Tell(Submission submission, EarlierVersion version)
    {
        if (submission.SkipChanged)
        {
            throw new KlingException(ErrorKind.ImageChanged, $"Nothing was bought for '{submission.Subject}': {version}.");
        }

        if (_told.TryAdd($"{submission.Subject}\n{version.Task.Id}", 0))
        {
            string meaning = version.IsOfOtherTake
                ? "The new take is made from the file as it is now."
                : "To the service it is another one and is paid for again, even if only a tag in the file was edited.";
            service.Observer?.OnWarning($"{version}. {meaning} -SkipChanged leaves such images out.");
        }

        return version;
    }

    private static string? PathOf(MediaSource? source) => source is { IsOfFile: true } ? source.Path : null;

    /// <summary>Those of the files that a video was made from, as far as they are known, that have different content now.</summary>
    private static string[] FindReplaced(VideoSpec shown, VideoSpec now)
    {
        string[] changed = [.. FindChanged(shown, now)];
        return [.. shown.Sources
            .Where(source => source.Source is { IsFile: true, Hash: not null })
            .SelectMany(source => changed.Where(path => IsSame(source.Source.Path!, path)))
            .Distinct()];
    }

    private static IEnumerable<string> FindChanged(VideoSpec earlier, VideoSpec now)
        => earlier.Sources.Zip(now.Sources)
            .Where(pair => pair.First.Parameter == pair.Second.Parameter && pair.First.Source.IsOfFile && pair.Second.Source.IsOfFile)
            .Where(pair => pair.First.Source.Hash != pair.Second.Source.Hash)
            .Select(pair => pair.Second.Source.Path!);
}

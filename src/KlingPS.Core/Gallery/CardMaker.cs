using System.Globalization;
using KlingPS.Core.Api;
using KlingPS.Core.Files;
using KlingPS.Core.Model;
using KlingPS.Core.Network;

namespace KlingPS.Core.Gallery;

/// <summary>Makes cards of videos and tasks: says what is known about each, and what can be done about anything that is still open.</summary>
internal sealed class CardMaker
{
    /// <summary>How long the service keeps a task: two months, by its documentation.</summary>
    private const int MonthsOfRecord = 2;

    private readonly string _folder;
    private readonly bool _isPortable;
    private readonly Takes _takes;
    private readonly string _destination;

    /// <summary>Creates the maker.</summary>
    /// <param name="folder">The full path of the folder that the page lies in.</param>
    /// <param name="destination">The full path of the folder for videos whose folder is not known.</param>
    /// <param name="isPortable">Whether the page is for others: then it says nothing about this machine.</param>
    /// <param name="takes">The existing takes.</param>
    public CardMaker(string folder, string destination, bool isPortable, Takes takes)
    {
        _destination = destination;
        _folder = folder;
        _isPortable = isPortable;
        _takes = takes;
    }

    /// <summary>Makes a card. Checks whether its files exist, but reads none.</summary>
    public GalleryCard Make(GalleryEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return entry.Task is KlingVideoTask task ? OfTask(entry, task) : OfFile(entry, entry.VideoPath!);
    }

    /// <summary>The command that makes another variant of a video.</summary>
    /// <param name="task">Its task.</param>
    /// <param name="image">The image in a portable folder; <see langword="null"/> if it is not in one.</param>
    public CardCommand? MakeAgain(KlingVideoTask task, string? image)
    {
        ArgumentNullException.ThrowIfNull(task);
        VideoSpec spec = task.Spec;
        if (_isPortable && (image is null ? spec.Sources.Any() : spec.Sources.Count() > 1))
        {
            // Those who get the page do not have what the video was made from.
            return null;
        }

        return CommandLine.Make(spec, image, _takes.Next(spec), _isPortable ? null : DestinationOf(task));
    }

    private GalleryCard OfFile(GalleryEntry entry, string path)
    {
        bool isThere = FileFacts.IsOrdinary(path);
        return new GalleryCard
        {
            Key = entry.Key,
            Name = VisibleText.InLine(Path.GetFileName(path)),
            Folder = FolderOf(path),
            Stack = entry.Key,
            Status = isThere ? CardStatus.Saved : CardStatus.Missing,
            Created = WrittenAt(path),
            Facts = _isPortable ? [] : [("Video", VisibleText.InLine(path))],
            Reason = isThere ? null : "The video is not there any more: it was moved or deleted.",
            VideoPath = isThere ? path : null,
            Choice = entry.Choice,
        };
    }

    private GalleryCard OfTask(GalleryEntry entry, KlingVideoTask task)
    {
        VideoSpec spec = task.Spec;
        string? video = entry.VideoPath;
        bool hasVideo = task.TaskState == KlingTaskState.Succeeded && video is not null && FileFacts.IsOrdinary(video);
        CardStatus status = StatusOf(task, hasVideo, (video ?? task.SavedPath) is not null);
        string? image = spec.Image?.Path;
        bool hasImage = image is not null && MayBeLookedAt(entry, image) && FileFacts.IsOrdinary(image);
        bool isPaid = status is CardStatus.Saved or CardStatus.Missing or CardStatus.Unsaved or CardStatus.Taken;
        decimal? setAside = task.TaskState.IsPending() || task.TaskState.IsUnanswered() ? task.CreditsReserved : null;
        return new GalleryCard
        {
            Key = entry.Key,
            Id = entry.Origin == EntryOrigin.Ledger ? task.Id : null,
            TaskId = task.TaskId,
            Name = NameOf(task, video),
            Folder = (video ?? image) is string path ? FolderOf(path) : string.Empty,
            Model = VisibleText.InLine(spec.Model),
            Stack = StackOf(task),
            Take = task.Take,
            Seconds = Math.Max(task.Duration ?? 0, 0),
            Status = status,
            State = task.TaskState,
            Credits = VideoPrice.From(setAside ?? (isPaid || task.IsForgotten ? task.CreditsConsumed : null)) ?? 0,
            IsSetAside = setAside is not null,
            Created = task.CreatedAt,
            Completed = task.CompletedAt,
            LinkUntil = isPaid ? task.ExpiresAt ?? task.CompletedAt + TaskTransitions.LinkLifetime : null,
            RecordUntil = task.TaskId is null || task.TaskState == KlingTaskState.Abandoned ? null : AddMonths(task.CompletedAt ?? task.CreatedAt),
            Facts = [.. FactsOf(task, video)],
            Prompt = spec.Prompt,
            Again = _isPortable ? null : MakeAgain(task, null),
            Settle = _isPortable ? [] : [.. SettleOf(entry, task, status, video)],
            Reason = ReasonOf(entry, task, status, image is not null && !hasImage),
            VideoPath = hasVideo ? video : null,
            ImagePath = hasImage ? image : null,
            NoImage = spec.Image is null ? GalleryCard.WithoutImage : spec.Image.Path is null ? "image on the web" : "image gone",
            Choice = entry.Choice,
        };
    }

    private static CardStatus StatusOf(KlingVideoTask task, bool hasVideo, bool wasSaved) => task.TaskState switch
    {
        KlingTaskState.Succeeded => hasVideo ? CardStatus.Saved
            : task.TakenAt is not null ? CardStatus.Taken
            : wasSaved ? CardStatus.Missing
            : CardStatus.Unsaved,
        KlingTaskState.Failed => CardStatus.Failed,
        KlingTaskState.Rejected => CardStatus.Rejected,
        KlingTaskState.Abandoned => CardStatus.Abandoned,
        KlingTaskState.Unknown => CardStatus.Unknown,
        _ => CardStatus.Pending,
    };

    private string? ReasonOf(GalleryEntry entry, KlingVideoTask task, CardStatus status, bool isImageGone)
    {
        string? reason = status switch
        {
            CardStatus.Unsaved => "The video is paid for and not saved. The service keeps it for 14 days at most.",
            CardStatus.Missing when entry.Holder is KlingVideoTask holder => FormattableString.Invariant($"The video is not there any more: that of task {holder.Id} has been saved under its name since."),
            CardStatus.Missing => "The video is not there any more: it was moved or deleted.",
            CardStatus.Taken => "The video was taken elsewhere.",
            CardStatus.Failed => $"The service could not make the video{Told(task)}. It has cost nothing.",
            CardStatus.Rejected => $"The video was not bought{Told(task)}.",
            CardStatus.Unknown => $"It is not known whether the video was bought{Told(task)}. Check at https://kie.ai/logs whether the task is there.",
            CardStatus.Abandoned when task.IsForgotten => "The service did not know the task any more, and it was given up. It may have been paid for.",
            CardStatus.Abandoned => "It was not known whether the video was bought, and it was given up.",
            CardStatus.Pending when task.HeldBackAt is not null => "The service accepts no requests at the moment; this one will be sent again later. Nothing has been bought so far.",
            CardStatus.Pending when task.TaskState == KlingTaskState.Submitting => "The request for the video is on its way.",
            CardStatus.Pending => "The service is making the video.",
            _ => null,
        };
        string? image = isImageGone ? "Its image is not there any more: it was moved or deleted." : null;
        return reason is null ? image : image is null ? reason : $"{reason} {image}";
    }

    /// <summary>What the service said, or what happened to its answer. It may name files or addresses of the account: not for others.</summary>
    private string Told(KlingVideoTask task) => FailureReason.Describe(VisibleText.InLine(task.FailCode), _isPortable ? null : VisibleText.InLine(task.FailMessage));

    private IEnumerable<CardCommand> SettleOf(GalleryEntry entry, KlingVideoTask task, CardStatus status, string? video)
    {
        bool isRecorded = entry.Origin == EntryOrigin.Ledger;
        string destination = DestinationOf(task);

        // A take that the service has forgotten is not bought again; another take is offered, as for any video.
        if (status is CardStatus.Failed or CardStatus.Rejected || (status == CardStatus.Abandoned && !task.IsForgotten))
        {
            if (CommandLine.Make(task.Spec, null, task.Take, destination, status == CardStatus.Failed ? " -RetryFailed" : string.Empty) is CardCommand again)
            {
                yield return again;
            }
        }
        else if (status == CardStatus.Unknown && isRecorded)
        {
            yield return CommandLine.Resolve(task, "-TaskId '<the id at https://kie.ai/logs>'");
            yield return CommandLine.Resolve(task, "-Abandon");
            yield return CommandLine.Resolve(task, "-Resubmit");
        }
        else if (task.TaskState == KlingTaskState.Submitting && isRecorded)
        {
            yield return CommandLine.Get(task, isRecorded);
        }
        else if (status is CardStatus.Pending or CardStatus.Unsaved or CardStatus.Missing && task.TaskId is not null)
        {
            string folder = video is not null && Path.IsPathFullyQualified(video) ? Path.GetDirectoryName(video)! : destination;
            yield return CommandLine.Save(task, isRecorded, folder, waits: status == CardStatus.Pending);
            if (status != CardStatus.Pending && isRecorded)
            {
                yield return CommandLine.Resolve(task, "-TakenElsewhere");
            }
        }
    }

    private IEnumerable<(string Label, string Text)> FactsOf(KlingVideoTask task, string? video)
    {
        VideoSpec spec = task.Spec;
        return Known(
            ("Negative prompt", VisibleText.Of(spec.NegativePrompt)),
            ("Aspect ratio", VisibleText.InLine(spec.AspectRatio)),
            ("Resolution", VisibleText.InLine(spec.Resolution)),
            ("Sound", spec.Sound ? "yes" : null),
            ("CFG scale", spec.CfgScale?.ToString(CultureInfo.InvariantCulture)),
            ("Character orientation", VisibleText.InLine(spec.CharacterOrientation)),
            ("Image", Describe(spec.Image)),
            ("Image SHA-256", VisibleText.InLine(spec.Image?.Hash)),
            ("Tail image", Describe(spec.TailImage)),
            ("Reference images", spec.ReferenceImages.Count == 0 ? null : string.Join('\n', spec.ReferenceImages.Select(Describe).OfType<string>())),
            ("Made from the video", Describe(spec.Video)),
            ("Audio", Describe(spec.Audio)),
            ("Video", _isPortable ? null : VisibleText.InLine(video)),
            ("Video SHA-256", VisibleText.InLine(task.SavedHash)),
            ("Task at the service", VisibleText.InLine(task.TaskId)));

        static IEnumerable<(string Label, string Text)> Known(params (string Label, string? Text)[] facts)
            => facts.Where(fact => !string.IsNullOrEmpty(fact.Text)).Select(fact => (fact.Label, fact.Text!));
    }

    /// <summary>A file by its path, or the address. The address of an upload has the account's number in it.</summary>
    private string? Describe(MediaSource? source) => source is null ? null
        : !_isPortable ? VisibleText.InLine(source.Path ?? (source.Uri is null ? null : ServiceAddress.MaskAccountNumber(AddressPolicy.MaskUser(source.Uri))))
        : source.Path is string path ? VisibleText.InLine(NameAtEnd(path))
        : null;

    /// <summary>What the images of two cards have in common if they are the same.</summary>
    private static string StackOf(KlingVideoTask task)
        => task.Spec.Image is MediaSource image ? image.Hash ?? image.Subject
            : task.Spec.Main is MediaSource main ? main.Hash ?? main.Subject
            : task.Prompt is string prompt ? "prompt:" + prompt
            : "task:" + GalleryEntry.KeyOf(task);

    private static string NameOf(KlingVideoTask task, string? video)
    {
        VideoSpec spec = task.Spec;
        string name = spec.Name
            ?? (spec.Main is { } main ? NameAtEnd(main.Path ?? WithoutQuery(main.Uri)) : null)
            ?? (spec.Title.Length > 0 || video is null ? spec.Title : NameAtEnd(video))
            ?? string.Empty;
        return VisibleText.InLine(name.Length > 0 ? name : task.TaskId ?? FormattableString.Invariant($"task {task.Id}"));
    }

    private static string? WithoutQuery(string? uri)
        => Uri.TryCreate(uri, UriKind.Absolute, out Uri? address) ? Uri.UnescapeDataString(address.AbsolutePath) : uri;

    /// <summary>The last part of a path, which another system may have recorded.</summary>
    private static string? NameAtEnd(string? path) => path?.TrimEnd('/', '\\') is { Length: > 0 } text ? text[(text.LastIndexOfAny(['/', '\\']) + 1)..] : null;

    private string FolderOf(string path)
    {
        string? folder = Path.GetDirectoryName(path);
        return _isPortable || string.IsNullOrEmpty(folder) || folder == _folder ? string.Empty
            : VisibleText.InLine(Path.IsPathFullyQualified(folder) ? PageText.Shorten(_folder, folder) : folder);
    }

    private string DestinationOf(KlingVideoTask task)
        => task.SavedPath is string path && Path.IsPathFullyQualified(path) ? Path.GetDirectoryName(path)! : _destination;

    /// <summary>
    /// Whether a path may be looked at. Anybody may have written a sidecar; one that names a file on a server would make this machine, and
    /// the viewer's machine, log on there.
    /// </summary>
    private static bool MayBeLookedAt(GalleryEntry entry, string path)
        => entry.Origin != EntryOrigin.Sidecar || !IsElsewhere(path, entry.VideoPath!);

    /// <summary>Whether a path leads to a server other than the one that another file is on.</summary>
    /// <param name="path">The path.</param>
    /// <param name="from">The full path of the file that names it.</param>
    internal static bool IsElsewhere(string path, string from)
        => IsShare(path) && !string.Equals(Path.GetPathRoot(path), Path.GetPathRoot(from), StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether Windows takes a path for that of a share: it begins with two separators of either kind. <c>\??\</c> is another spelling of <c>\\?\</c>.</summary>
    private static bool IsShare(string path) => path is ['/' or '\\', '/' or '\\' or '?', ..];

    private static DateTimeOffset WrittenAt(string path)
    {
        try
        {
            return File.GetLastWriteTimeUtc(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return default;
        }
    }

    private static DateTimeOffset? AddMonths(DateTimeOffset from) => from <= DateTimeOffset.MaxValue.AddMonths(-MonthsOfRecord) ? from.AddMonths(MonthsOfRecord) : null;
}

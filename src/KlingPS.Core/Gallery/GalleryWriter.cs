using KlingPS.Core.Files;

namespace KlingPS.Core.Gallery;

/// <summary>How a gallery is written.</summary>
internal sealed record GalleryOptions
{
    /// <summary>The title if none is given.</summary>
    public const string DefaultTitle = "Kling videos";

    /// <summary>The full path of the page.</summary>
    public required string Path { get; init; }

    /// <summary>Its title.</summary>
    public string Title { get; init; } = DefaultTitle;

    /// <summary>Whether the videos and images are copied beside it, and the page says nothing about this machine.</summary>
    public bool IsPortable { get; init; }

    /// <summary>Whether a file that is not a gallery is replaced.</summary>
    public bool Overwrite { get; init; }

    /// <summary>When choices without a time count as made; <see langword="null"/> to leave them without one.</summary>
    public DateTimeOffset? Now { get; init; }
}

/// <summary>What was written.</summary>
/// <param name="Notes">How many cards have a note.</param>
/// <param name="FormerMedia">The folder of copies that the page had when it was a portable one; <see langword="null"/> if there is none.</param>
internal readonly record struct WrittenGallery(int Notes, string? FormerMedia);

/// <summary>Writes the page of a gallery, and for a portable one its folder.</summary>
internal sealed class GalleryWriter
{
    private readonly GalleryOptions _options;
    private readonly string _folder;
    private readonly GalleryFile _file;

    /// <summary>Creates the writer, and looks at what is there.</summary>
    /// <param name="options">How it is written.</param>
    /// <exception cref="KlingException">As for <see cref="GalleryFile.Find"/>.</exception>
    public GalleryWriter(GalleryOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _folder = Path.GetDirectoryName(options.Path)!;
        _file = GalleryFile.Find(options.Path, options.Overwrite);
    }

    /// <summary>Writes the gallery.</summary>
    /// <param name="entries">What it shows; duplicates are shown once.</param>
    /// <param name="takes">The existing takes.</param>
    /// <param name="choicesSaved">When the choice that is loaded with it was saved.</param>
    /// <param name="onCopied">For a portable gallery, called with how many of how many files have been copied.</param>
    /// <param name="cancellationToken">Stops the writing; what was there stays as it is.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.DestinationUnusable"/>: it cannot be written.</exception>
    public Task<WrittenGallery> WriteAsync(
        IEnumerable<GalleryEntry> entries,
        Takes takes,
        DateTimeOffset? choicesSaved,
        Action<int, int> onCopied,
        CancellationToken cancellationToken)
        => Task.Run(
            () =>
            {
                FormerChoices former = _file.Id is null ? FormerChoices.None : FormerChoices.Read(_options.Path);
                List<GalleryEntry> merged = WithFormerChoices(Merge(entries), former.Choices);
                IReadOnlyDictionary<string, GalleryChoice> elsewhere = FindElsewhere(merged, former);
                _file.Prepare();
                var maker = new CardMaker(_folder, FindDestination(merged), _options.IsPortable, takes);
                (GalleryEntry Entry, GalleryCard Card)[] made = [.. merged.Select(entry => (entry, maker.Make(entry)))];
                cancellationToken.ThrowIfCancellationRequested();
                MediaFolder? media = null;
                IEnumerable<GalleryCard> cards;
                if (_options.IsPortable)
                {
                    Dictionary<string, GalleryEntry> entryOf = made.ToDictionary(pair => pair.Card.Key, pair => pair.Entry, StringComparer.Ordinal);
                    IReadOnlyList<GalleryCard> sorted = GalleryDocument.Sort(made.Select(pair => pair.Card));
                    (media, cards) = CopyMedia(sorted, card => ImageOf(entryOf[card.Key], card), onCopied, cancellationToken);
                    string name = media.Name;
                    cards = cards.Select(card => entryOf[card.Key].Task is { } task
                        ? card with { Again = maker.MakeAgain(task, card.ImagePath is null ? null : $"{name}/{card.ImagePath}") }
                        : card);
                }
                else
                {
                    cards = made.Select(pair => Link(pair.Card));
                }

                var document = new GalleryDocument(GalleryDocument.Sort(cards))
                {
                    Id = _file.Id ?? IdOf(made.Select(pair => pair.Card)),
                    Title = _options.Title,
                    Place = _options.IsPortable ? null : _folder,
                    ChoicesSaved = choicesSaved,
                    Elsewhere = elsewhere,
                };
                _file.Write(_options.IsPortable, page => document.Write(page, cancellationToken));
                RemoveStale(media);
                return new WrittenGallery(made.Count(pair => pair.Card.Choice is { Note.Length: > 0 }), _options.IsPortable ? null : MediaFolder.Find(_options.Path));
            },
            cancellationToken);

    /// <summary>Removes duplicates, keeping the video that exists and the last choice.</summary>
    private static List<GalleryEntry> Merge(IEnumerable<GalleryEntry> entries)
    {
        var merged = new List<GalleryEntry>();
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (GalleryEntry entry in entries)
        {
            string key = entry.Key;
            if (!places.TryGetValue(key, out int place))
            {
                places.Add(key, merged.Count);
                merged.Add(entry);
                continue;
            }

            GalleryEntry first = merged[place];
            GalleryEntry better = first.VideoPath is null || (entry.VideoPath is not null && !File.Exists(first.VideoPath)) ? entry : first;
            merged[place] = better with { Choice = entry.Choice ?? first.Choice };
        }

        return merged;
    }

    /// <summary>The choices that the page already shows stay, unless a later one is given.</summary>
    private List<GalleryEntry> WithFormerChoices(List<GalleryEntry> entries, IReadOnlyDictionary<string, GalleryChoice> former)
    {
        return [.. entries.Select(entry => entry with { Choice = Choose(entry) })];

        GalleryChoice? Choose(GalleryEntry entry)
        {
            GalleryChoice? before = KeysOf(entry).Select(key => former.GetValueOrDefault(key)).Aggregate((GalleryChoice?)null, GalleryChoice.Later);
            GalleryChoice? given = entry.Choice;
            return given is { At: null } && before is not null && given.SaysSameAs(before) ? before
                : GalleryChoice.Later(before, given is { At: null } ? given with { At = _options.Now } : given);
        }
    }

    /// <summary>The choices in the page for videos that the new one does not show. They are kept, too, because the next page may show them.</summary>
    private SortedDictionary<string, GalleryChoice> FindElsewhere(IEnumerable<GalleryEntry> entries, FormerChoices former)
    {
        var elsewhere = new SortedDictionary<string, GalleryChoice>(former.Choices.ToDictionary(), StringComparer.Ordinal);
        foreach (string key in entries.SelectMany(KeysOf))
        {
            elsewhere.Remove(key);
        }

        int count = elsewhere.Values.Count(choice => choice.SaysSomething);
        if (!_options.IsPortable || former.WasPortable || count == 0)
        {
            return elsewhere;
        }

        return _options.Overwrite ? new SortedDictionary<string, GalleryChoice>() : throw new KlingException(
            ErrorKind.FileExists,
            FormattableString.Invariant($"'{_options.Path}' has choices for {(count == 1 ? "a video" : FormattableString.Invariant($"{count} videos"))} that the new page would not show, and a portable page keeps no choices for videos that it does not show. It was left as it is."))
        {
            Advice = "Give the portable page another -Path. Or save the choice from the page that is there, and use -Force.",
        };
    }

    /// <summary>The keys that a card may have had.</summary>
    private IEnumerable<string> KeysOf(GalleryEntry entry)
        => entry.Task is { TaskId: not null } task ? [GalleryEntry.AttemptKeyOf(task), entry.Key] : [entry.Key];

    /// <summary>Where most of the videos are; the folder of the page if there are none.</summary>
    private string FindDestination(IEnumerable<GalleryEntry> entries) => entries
        .Where(entry => Path.IsPathFullyQualified(entry.VideoPath ?? string.Empty))
        .GroupBy(entry => Path.GetDirectoryName(entry.VideoPath)!, StringComparer.Ordinal)
        .OrderByDescending(group => group.Count())
        .ThenBy(group => group.Key, StringComparer.Ordinal)
        .FirstOrDefault()?.Key ?? _folder;

    private GalleryCard Link(GalleryCard card) => card with
    {
        VideoLink = card.VideoPath is null ? null : PageText.Link(_folder, card.VideoPath),
        ImageLink = card.ImagePath is null ? null : PageText.Link(_folder, card.ImagePath),
    };

    private (MediaFolder Folder, IEnumerable<GalleryCard> Cards) CopyMedia(
        IReadOnlyList<GalleryCard> cards,
        Func<GalleryCard, MediaFile?> imageOf,
        Action<int, int> onCopied,
        CancellationToken cancellationToken)
    {
        try
        {
            MediaFolder media = MediaFolder.Open(_options.Path);
            IReadOnlyDictionary<MediaFile, string> names = media.Copy(
                cards.SelectMany(card => new[] { imageOf(card), VideoOf(card) }).OfType<MediaFile>(),
                onCopied,
                cancellationToken);
            string folder = Uri.EscapeDataString(media.Name);
            return (media, cards.Select(card =>
            {
                string? video = VideoOf(card) is MediaFile shown ? names.GetValueOrDefault(shown) : null;
                string? image = imageOf(card) is MediaFile poster ? names.GetValueOrDefault(poster) : null;
                return card with
                {
                    Reason = card.VideoPath is not null && video is null ? "The video could not be copied: it is gone, or is not a video."
                        : card.ImagePath is not null && image is null ? "Its image was left out: the file is gone, or is not the one that the video was made from."
                        : card.Reason,
                    NoImage = card.ImagePath is null ? card.NoImage : "image left out",
                    VideoPath = video,
                    ImagePath = image,
                    VideoLink = video is null ? null : $"{folder}/{Uri.EscapeDataString(video)}",
                    ImageLink = image is null ? null : $"{folder}/{Uri.EscapeDataString(image)}",
                };
            }));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw GalleryFile.Unusable(_options.Path, exception.Message, exception);
        }
    }

    private static MediaFile? VideoOf(GalleryCard card) => card.VideoPath is null ? null : new MediaFile(card.VideoPath);

    /// <summary>
    /// The image, if it is still the one that the video was made from: a folder that is passed on must not get files that nobody meant. For a
    /// sidecar, which anybody may have written, it must be known which image that was.
    /// </summary>
    private static MediaFile? ImageOf(GalleryEntry entry, GalleryCard card)
        => card.ImagePath is null ? null : new MediaFile(card.ImagePath, entry.Task!.SourceHash ?? (entry.Origin == EntryOrigin.Sidecar ? string.Empty : null));

    private void RemoveStale(MediaFolder? media)
    {
        try
        {
            media?.RemoveStale();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw GalleryFile.Unusable(_options.Path, exception.Message, exception);
        }
    }

    /// <summary>The id of a new gallery, made from its oldest video and its title. It stays the same as the gallery grows.</summary>
    private string IdOf(IEnumerable<GalleryCard> cards)
    {
        string? oldest = cards.OrderBy(card => card.Created).ThenBy(card => card.Key, StringComparer.Ordinal).FirstOrDefault()?.Key;
        return ContentHash.OfText($"{_options.Title}\n{oldest}")[..32];
    }
}

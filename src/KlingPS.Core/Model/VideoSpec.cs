using System.Globalization;
using System.Net;
using System.Text;
using KlingPS.Core.Files;

namespace KlingPS.Core.Model;

/// <summary>The video that is asked for, from the parameters of a command to the wire, the ledger and back.</summary>
/// <remarks>
/// What is <see langword="null"/> is left to the service's default. A spec is completed on its way by <see langword="with"/>: first its
/// images get their hashes, then their addresses.
/// </remarks>
internal sealed record VideoSpec
{
    /// <summary>The length in seconds if none is asked for: every model's own default.</summary>
    public const int DefaultDuration = 5;

    /// <summary>The guidance if none is asked for: every model's own default.</summary>
    public const decimal DefaultCfgScale = 0.5m;

    private const int MaxTitleLength = 60;

    /// <summary>More takes of a video than anybody makes.</summary>
    private const int MaxTakesCompared = 100;

    /// <summary>The model's id.</summary>
    public string Model { get; init; } = ModelCatalog.DefaultId;

    /// <summary>What happens in the video; <see langword="null"/> only if the service does not say what a task was made from.</summary>
    public required string? Prompt { get; init; }

    /// <summary>What should not be seen.</summary>
    public string? NegativePrompt { get; init; }

    /// <summary>The length in seconds.</summary>
    public int? Duration { get; init; }

    /// <summary>The aspect ratio, such as <c>16:9</c>.</summary>
    public string? AspectRatio { get; init; }

    /// <summary>The resolution, of <see cref="VideoResolution"/>.</summary>
    public string? Resolution { get; init; }

    /// <summary>Whether the video is made with sound.</summary>
    public bool Sound { get; init; }

    /// <summary>How closely the prompt is followed: 0 to 1 in steps of 0.1.</summary>
    public decimal? CfgScale { get; init; }

    /// <summary>The image the video starts with.</summary>
    public MediaSource? Image { get; init; }

    /// <summary>The image the video ends with.</summary>
    public MediaSource? TailImage { get; init; }

    /// <summary>Further images of what the video should show.</summary>
    public ValueList<MediaSource> ReferenceImages { get; init; } = ValueList<MediaSource>.Empty;

    /// <summary>The video that it is made from.</summary>
    public MediaSource? Video { get; init; }

    /// <summary>What is said or sung in it.</summary>
    public MediaSource? Audio { get; init; }

    /// <summary>Whose orientation the character has, of <see cref="CharacterOrientations"/>.</summary>
    public string? CharacterOrientation { get; init; }

    /// <summary>The length of <see cref="Video"/> or <see cref="Audio"/> in seconds, once the file has been read. Follows from its content.</summary>
    public decimal? InputSeconds { get; init; }

    /// <summary>What the user calls it. For people: the service is not told, and another name is not another video.</summary>
    public string? Name { get; init; }

    /// <summary>Where the service posts the result.</summary>
    public string? CallbackUri { get; init; }

    /// <summary>Which of several deliberate variants of the same video it is, from 1. The service is not told.</summary>
    public int Take { get; init; } = 1;

    /// <summary>The length in seconds that the video will have; a part of a second counts as a whole one. Only a guess unless <see cref="IsLengthKnown"/>.</summary>
    public int Seconds => Duration ?? (ModelCatalog.Get(Model).TakesLengthOfInput && InputSeconds is decimal seconds ? (int)decimal.Ceiling(seconds) : DefaultDuration);

    /// <summary>Whether the length of the video is known. If it will be as long as a file, it is not known until the file has been read.</summary>
    internal bool IsLengthKnown => InputSeconds is not null || !ModelCatalog.Get(Model).TakesLengthOfInput;

    /// <summary>The length in seconds that the video will have; <see langword="null"/> while it is not known.</summary>
    public int? KnownSeconds => IsLengthKnown ? Seconds : null;

    /// <summary>The guidance that is in force.</summary>
    internal decimal Guidance => CfgScale ?? DefaultCfgScale;

    /// <summary>How a message names the video: by what it is made from, else by its name or the beginning of its prompt.</summary>
    public string Subject => Name ?? Main?.Subject ?? Title;

    /// <summary>What it is made from in the first place, and named after.</summary>
    internal MediaSource? Main => Image ?? Video ?? Audio;

    /// <summary>The path or the address that its file is named after; <see langword="null"/> if that is its <see cref="Title"/>.</summary>
    internal string? NamedAfter => Name is null ? Main?.Subject : null;

    /// <summary>What it is called if it is made from nothing: its name, or the beginning of its prompt.</summary>
    internal string Title => Name ?? Shorten(Prompt);

    /// <summary>Whether it has anything that the service is not told: the files that it was made from, its name, or which take it is.</summary>
    internal bool HasOwnDetails => Name is not null || Take > 1 || Sources.Any(source => source.Source.Path is not null);

    /// <summary>Everything it is made from, each with what it is for.</summary>
    internal IEnumerable<(VideoParameter Parameter, MediaSource Source)> Sources
    {
        get
        {
            return List(VideoParameter.Image, Image)
                .Concat(List(VideoParameter.TailImage, TailImage))
                .Concat(ReferenceImages.Select(image => (VideoParameter.ReferenceImages, image)))
                .Concat(List(VideoParameter.Video, Video))
                .Concat(List(VideoParameter.Audio, Audio));

            static IEnumerable<(VideoParameter Parameter, MediaSource Source)> List(VideoParameter parameter, MediaSource? source)
                => source is null ? [] : [(parameter, source)];
        }
    }

    /// <summary>
    /// What makes two purchases the same: the same content of the images, the same parameters, the same take. If a parameter is left
    /// out, the service's default counts; where the result is posted does not count, nor how an address is spelled or signed. Texts count
    /// character by character, so what is to be bought is <see cref="Normalized"/> first.
    /// </summary>
    /// <returns>A SHA-256 in lower-case hex.</returns>
    /// <exception cref="InvalidOperationException">A local image has no hash yet.</exception>
    /// <remarks>
    /// Identities are kept in the ledgers of users. A new parameter may only be added in such a way that every spec without it keeps its
    /// identity; else everything that was bought before would be bought again.
    /// </remarks>
    public string GetIdentity()
    {
        string?[] parts =
        [
            Model,
            Prompt,
            NegativePrompt,
            (Duration ?? DefaultDuration).ToString(CultureInfo.InvariantCulture),
            Guidance.ToString("0.0", CultureInfo.InvariantCulture),
            Image?.GetContent() ?? string.Empty,
            TailImage?.GetContent(),
            .. Take == 1 ? Array.Empty<string>() : [Take.ToString(CultureInfo.InvariantCulture)],
            .. GetNamedParts(),
        ];

        // Each part goes with its length, so that no two lists of parts run together to the same text.
        var text = new StringBuilder();
        foreach (string? part in parts)
        {
            text.Append(CultureInfo.InvariantCulture, $"{part?.Length ?? -1}:{part}\n");
        }

        return ContentHash.OfText(text.ToString());
    }

    /// <summary>The same video with its texts as they are sent to the service: see <see cref="PromptText"/>. An empty text counts as none if there may be none.</summary>
    public VideoSpec Normalized() => this with
    {
        Prompt = Normalize(Prompt, isNeeded: !ModelCatalog.Get(Model).IsPromptOptional),
        NegativePrompt = Normalize(NegativePrompt, isNeeded: false),
    };

    private static string? Normalize(string? text, bool isNeeded)
        => text is not null && PromptText.Normalize(text) is string normalized && (isNeeded || normalized.Length > 0) ? normalized : null;

    /// <summary>
    /// The same video as it may have been recorded: before uploads were known by their content, and before addresses had one spelling. None of
    /// them has the identity of this one.
    /// </summary>
    public IEnumerable<VideoSpec> ListEarlierForms()
    {
        if (Sources.All(source => source.Source.IsFile))
        {
            return [];
        }

        string identity = GetIdentity();
        return new[]
        {
            WithAddresses(source => source with { IsAsSpelled = true }),
            WithAddresses(source => source with { Hash = null }),
            WithAddresses(source => source with { Hash = null, IsAsSpelled = true }),
        }.DistinctBy(spec => spec.GetIdentity()).Where(spec => spec.GetIdentity() != identity);

        VideoSpec WithAddresses(Func<MediaSource, MediaSource> change) => WithSources(this, (mine, _) => mine is { IsFile: false } ? change(mine) : mine);
    }

    /// <summary>Its identity, and those of its <see cref="ListEarlierForms">earlier forms</see>.</summary>
    public IEnumerable<string> ListIdentities() => ListEarlierForms().Prepend(this).Select(spec => spec.GetIdentity());

    /// <summary>Whether this video, as the service describes it, is certainly not the one with an identity: all that it is made from is known by its content.</summary>
    /// <param name="identity">What is left of the other one.</param>
    public bool IsOtherThan(string identity)
    {
        // The service is not told which take it is, and a ledger that did not know of the upload recorded its address.
        VideoSpec known = Normalized();
        return known.Sources.Any()
            && known.Sources.All(source => source.Source.Hash is not null)
            && !Enumerable.Range(1, MaxTakesCompared).SelectMany(take => (known with { Take = take }).ListIdentities()).Contains(identity);
    }

    /// <summary>This video, made from another one's files wherever both name the same path: what it would be if it were bought with the files as they are there.</summary>
    /// <param name="other">The other video.</param>
    /// <param name="isSame">Whether two paths are the same place.</param>
    /// <returns><see langword="null"/> if it is not known what this one was made from.</returns>
    public VideoSpec? WithFilesOf(VideoSpec other, Func<string, string, bool> isSame)
    {
        ArgumentNullException.ThrowIfNull(other);
        VideoSpec spec = WithSources(other, Swap);
        return spec.Sources.All(source => source.Source is not { IsFile: true, Hash: null }) ? spec : null;

        MediaSource? Swap(MediaSource? mine, MediaSource? others)
            => mine is { IsOfFile: true, Path: string path } && others is { IsOfFile: true, Path: string othersPath } && isSame(path, othersPath) ? others : mine;
    }

    private VideoSpec WithSources(VideoSpec other, Func<MediaSource?, MediaSource?, MediaSource?> choose) => this with
    {
        Image = choose(Image, other.Image),
        TailImage = choose(TailImage, other.TailImage),
        ReferenceImages = new ValueList<MediaSource>(ReferenceImages.Select((image, index) => choose(image, other.ReferenceImages.ElementAtOrDefault(index))!)),
        Video = choose(Video, other.Video),
        Audio = choose(Audio, other.Audio),
    };

    /// <summary>
    /// The parts of the identity that came later, each with its name to tell it from the take and the other parts: only if something is
    /// asked for that is not the default of the model's row.
    /// </summary>
    private IEnumerable<string> GetNamedParts()
    {
        ModelSpec model = ModelCatalog.Get(Model);
        if (AspectRatio is not null && AspectRatio != model.DefaultAspectRatio)
        {
            yield return $"aspectRatio={AspectRatio}";
        }

        if (Resolution is not null && Resolution != model.DefaultResolution)
        {
            yield return $"resolution={Resolution}";
        }

        if (Sound)
        {
            yield return "sound=true";
        }

        if (CharacterOrientation is not null && CharacterOrientation != CharacterOrientations.Default)
        {
            yield return $"characterOrientation={CharacterOrientation}";
        }

        foreach (MediaSource image in ReferenceImages)
        {
            yield return $"referenceImage={image.GetContent()}";
        }

        if (Video is not null)
        {
            yield return $"video={Video.GetContent()}";
        }

        if (Audio is not null)
        {
            yield return $"audio={Audio.GetContent()}";
        }
    }

    /// <summary>The same video, without what is the default anyway.</summary>
    public VideoSpec WithoutDefaults()
    {
        ModelSpec model = ModelCatalog.Get(Model);
        return this with
        {
            Duration = Duration == DefaultDuration ? null : Duration,
            CfgScale = CfgScale == DefaultCfgScale ? null : CfgScale,
            AspectRatio = AspectRatio == model.DefaultAspectRatio ? null : AspectRatio,
            Resolution = Resolution == model.DefaultResolution ? null : Resolution,
            CharacterOrientation = CharacterOrientation == CharacterOrientations.Default ? null : CharacterOrientation,
        };
    }

    /// <inheritdoc cref="ModelSpec.GetCredits"/>
    public decimal? GetCredits() => ModelCatalog.Get(Model).GetCredits(this);

    /// <inheritdoc cref="ModelSpec.Validate(VideoSpec, string, string)"/>
    public void Validate() => ModelCatalog.Get(Model).Validate(this);

    /// <summary>Whether a parameter is given.</summary>
    internal bool Has(VideoParameter parameter) => parameter switch
    {
        VideoParameter.Prompt => Prompt is not null,
        VideoParameter.NegativePrompt => NegativePrompt is not null,
        VideoParameter.Duration => Duration is not null,
        VideoParameter.AspectRatio => AspectRatio is not null,
        VideoParameter.Resolution => Resolution is not null,
        VideoParameter.Sound => Sound,
        VideoParameter.CfgScale => CfgScale is not null,
        VideoParameter.Image => Image is not null,
        VideoParameter.TailImage => TailImage is not null,
        VideoParameter.ReferenceImages => ReferenceImages.Count > 0,
        VideoParameter.Video => Video is not null,
        VideoParameter.Audio => Audio is not null,
        VideoParameter.CharacterOrientation => CharacterOrientation is not null,
        _ => throw new ArgumentOutOfRangeException(nameof(parameter), parameter, null),
    };

    /// <summary>How another spec differs from this one, as far as the service knows: one clause for each difference.</summary>
    /// <param name="other">What the service says that a task was made from. It fills in its defaults.</param>
    public IEnumerable<string> FindDifferences(VideoSpec other)
    {
        ArgumentNullException.ThrowIfNull(other);
        ModelSpec model = ModelCatalog.Get(Model);

        // What the service makes of line ends, or what an earlier version sent, does not count as a different text.
        VideoSpec here = Normalized();
        VideoSpec there = other.Normalized();
        if ((there.Prompt ?? string.Empty) != (here.Prompt ?? string.Empty))
        {
            yield return "its prompt is different";
        }

        if (other.Image?.Uri != Image?.Uri)
        {
            yield return "its image is different";
        }

        if (other.TailImage?.Uri != TailImage?.Uri)
        {
            yield return "its tail image is different";
        }

        if (!other.ReferenceImages.Select(image => image.Uri).SequenceEqual(ReferenceImages.Select(image => image.Uri)))
        {
            yield return "its reference images are different";
        }

        if (other.Video?.Uri != Video?.Uri)
        {
            yield return "the video that it is made from is different";
        }

        if (other.Audio?.Uri != Audio?.Uri)
        {
            yield return "its audio is different";
        }

        if (other.Model != Model)
        {
            yield return $"its model is {other.Model}";
        }

        if (!model.TakesLengthOfInput && other.Seconds != Seconds)
        {
            yield return $"it is {other.Seconds} seconds long";
        }

        if (model.GetAspectRatio(other) != model.GetAspectRatio(this))
        {
            yield return $"its aspect ratio is {model.GetAspectRatio(other) ?? "that of its image"}";
        }

        if (model.GetResolution(other) != model.GetResolution(this))
        {
            yield return $"its resolution is {model.GetResolution(other) ?? "different"}";
        }

        if (other.Sound != Sound)
        {
            yield return other.Sound ? "it has sound" : "it has no sound";
        }

        if ((other.CharacterOrientation ?? CharacterOrientations.Default) != (CharacterOrientation ?? CharacterOrientations.Default))
        {
            yield return "its character orientation is different";
        }

        if (there.NegativePrompt != here.NegativePrompt)
        {
            yield return "its negative prompt is different";
        }

        if (other.Guidance != Guidance)
        {
            yield return "its CFG scale is different";
        }
    }

    /// <summary>
    /// How another spec contradicts this one: a clause for each contradiction. Less than <see cref="FindDifferences"/>: what one of the two does
    /// not name, and what a service may have shortened, respelled or put elsewhere, is not a contradiction.
    /// </summary>
    /// <param name="other">What the service says that a task was made from.</param>
    public IEnumerable<string> FindContradictions(VideoSpec other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (IsOtherText(Prompt, other.Prompt))
        {
            yield return "its prompt is different";
        }

        foreach ((string what, MediaSource? mine, MediaSource? others) in (IEnumerable<(string, MediaSource?, MediaSource?)>)
            [("image", Image, other.Image), ("tail image", TailImage, other.TailImage), ("video", Video, other.Video), ("audio", Audio, other.Audio)])
        {
            if (IsOtherPlace(mine?.Uri, others?.Uri))
            {
                yield return $"its {what} is different";
            }
        }

        if (Duration is int seconds && other.Duration is int otherSeconds && seconds != otherSeconds)
        {
            yield return $"it is {otherSeconds} seconds long";
        }
    }

    /// <summary>Whether two texts differ in their letters, up to the end of the shorter one.</summary>
    private static bool IsOtherText(string? text, string? other)
    {
        string letters = Letters(text);
        string others = Letters(other);
        int length = Math.Min(letters.Length, others.Length);
        return !letters.AsSpan(0, length).Equals(others.AsSpan(0, length), StringComparison.OrdinalIgnoreCase);

        static string Letters(string? text)
            => string.Concat(WebUtility.HtmlDecode(PromptText.Normalize(text ?? string.Empty)).EnumerateRunes().Where(Rune.IsLetterOrDigit));
    }

    /// <summary>Whether two addresses are different files of one host. That their signatures differ means nothing.</summary>
    private static bool IsOtherPlace(string? uri, string? other)
        => Uri.TryCreate(uri, UriKind.Absolute, out Uri? mine)
            && Uri.TryCreate(other, UriKind.Absolute, out Uri? others)
            && string.Equals(mine.Host, others.Host, StringComparison.OrdinalIgnoreCase)
            && !string.Equals(Uri.UnescapeDataString(mine.AbsolutePath), Uri.UnescapeDataString(others.AbsolutePath), StringComparison.Ordinal);

    /// <summary>The first words of a prompt, for a name.</summary>
    private static string Shorten(string? prompt)
    {
        string line = string.Join(' ', PromptText.Normalize(prompt ?? string.Empty).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        if (line.Length <= MaxTitleLength)
        {
            return line;
        }

        // At the end of a word, unless that one word is very long; and never between the halves of a character.
        int end = line.LastIndexOf(' ', MaxTitleLength);
        end = end > MaxTitleLength / 2 ? end : MaxTitleLength;
        return line[..(char.IsHighSurrogate(line[end - 1]) ? end - 1 : end)];
    }
}

using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using KlingPS.Core.Files;
using KlingPS.Core.Model;

namespace KlingPS.Core.Saving;

/// <summary>Tells what a video was made from: a JSON file beside it, <c>fox.mp4.json</c> for <c>fox.mp4</c>.</summary>
internal sealed record Sidecar
{
    /// <summary>What is added to the name of a video to make the name of its sidecar.</summary>
    public const string Extension = ".json";

    /// <summary>In bytes; a longer file was not written by this class.</summary>
    private const int MaxLength = 1024 * 1024;

    /// <summary>The service's id of the task.</summary>
    public string? TaskId { get; init; }

    /// <summary>The local number of the task.</summary>
    public required long Id { get; init; }

    /// <summary>When the task was submitted.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When the video was finished.</summary>
    public DateTimeOffset? CompletedAt { get; init; }

    /// <summary>What it cost, in credits.</summary>
    public decimal? Credits { get; init; }

    /// <summary>The image and its hash.</summary>
    public required SidecarFile Source { get; init; }

    /// <summary>The tail image: the one the video ends with.</summary>
    public SidecarFile? TailImage { get; init; }

    /// <summary>Further images of what the video should show; left out if there are none.</summary>
    public IReadOnlyList<SidecarFile>? ReferenceImages { get; init; }

    /// <summary>The video that it was made from, if there was one.</summary>
    public SidecarFile? SourceVideo { get; init; }

    /// <summary>The audio that is heard in it, if there was one.</summary>
    public SidecarFile? SourceAudio { get; init; }

    /// <summary>What was asked for.</summary>
    public required SidecarRequest Request { get; init; }

    /// <summary>The name of the video, beside this file, and its hash.</summary>
    public required SidecarFile Video { get; init; }

    /// <summary>Where the video was bought; see <see cref="Api.ServiceAddress"/>.</summary>
    public string? Service { get; init; }

    /// <summary>What makes two purchases the same; see <see cref="VideoSpec.GetIdentity"/>.</summary>
    public string? Identity { get; init; }

    /// <summary>Describes a saved video.</summary>
    /// <param name="video">The video.</param>
    /// <param name="tailHash">The SHA-256 of the tail image, in lower-case hex.</param>
    public static Sidecar From(SavedVideo video, string? tailHash)
    {
        ArgumentNullException.ThrowIfNull(video);
        KlingVideoTask task = video.Task;
        return new Sidecar
        {
            TaskId = task.TaskId,
            Id = task.Id,
            CreatedAt = task.CreatedAt,
            CompletedAt = task.CompletedAt,
            Credits = task.CreditsConsumed,
            Source = new SidecarFile { Path = task.Spec.Image is null ? null : video.SourcePath, Uri = task.ImageUri, Sha256 = task.SourceHash },
            TailImage = (task.TailImagePath ?? task.TailImageUri) is null ? null
                : new SidecarFile { Path = task.TailImagePath, Uri = task.TailImageUri, Sha256 = tailHash },
            ReferenceImages = task.Spec.ReferenceImages.Count == 0 ? null : [.. task.Spec.ReferenceImages.Select(image => Describe(image)!)],
            SourceVideo = Describe(task.Spec.Video),
            SourceAudio = Describe(task.Spec.Audio),
            Request = new SidecarRequest
            {
                Model = task.Model,
                Prompt = task.Prompt,
                NegativePrompt = task.NegativePrompt,
                Duration = task.Duration,
                AspectRatio = task.AspectRatio,
                Resolution = task.Resolution,
                Sound = task.Sound ? true : null,
                CfgScale = task.CfgScale,
                CharacterOrientation = task.CharacterOrientation,
                Take = task.Take,
            },
            Video = new SidecarFile { Path = Path.GetFileName(video.Path), Sha256 = task.SavedHash },
        };
    }

    private static SidecarFile? Describe(MediaSource? source)
        => source is null ? null : new SidecarFile { Path = source.Path, Uri = source.Uri, Sha256 = source.Hash };

    /// <summary>Writes the sidecar beside its video, whole or not at all; one with the same content stays as it is, and any other is replaced.</summary>
    /// <param name="videoPath">The full path of the video.</param>
    /// <param name="overwrite">Whether a file of that name is replaced even if it is not a sidecar.</param>
    /// <param name="cancellationToken">Stops the writing.</param>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.FileExists"/>: a file of that name is not a sidecar.
    /// <see cref="ErrorKind.DestinationUnusable"/>: it cannot be written.
    /// </exception>
    public async Task WriteAsync(string videoPath, bool overwrite, CancellationToken cancellationToken)
    {
        string path = PathOf(videoPath);
        try
        {
            byte[] content = JsonSerializer.SerializeToUtf8Bytes(this, s_context.Sidecar);
            byte[]? present = await ReadPresentAsync(path, cancellationToken).ConfigureAwait(false);
            if (present.AsSpan().SequenceEqual(content))
            {
                return;
            }

            if (!overwrite && present is not null && !IsSidecar(present))
            {
                throw new KlingException(
                    ErrorKind.FileExists,
                    $"The video '{videoPath}' is whole, but its sidecar was not written, because '{path}' is not a sidecar. "
                    + "Move it away, or let -Force replace it.");
            }

            // Not cancelled halfway: it is short.
            OwnFile.Replace(path, content, FileReaders.Owner);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new KlingException(
                ErrorKind.DestinationUnusable,
                $"The video '{videoPath}' is whole, but its sidecar '{path}' cannot be written: {exception.Message}",
                exception);
        }
    }

    /// <summary>The path of a video's sidecar.</summary>
    public static string PathOf(string videoPath) => videoPath + Extension;

    /// <summary>Refuses anything that would keep a sidecar from being written. Call it before the video is bought.</summary>
    /// <param name="path">The full path of the sidecar.</param>
    /// <param name="overwrite">As for <see cref="WriteAsync"/>.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.FileExists"/>, <see cref="ErrorKind.DestinationUnusable"/>: as for <see cref="WriteAsync"/>.</exception>
    public static async Task RequireFreeAsync(string path, bool overwrite, CancellationToken cancellationToken)
    {
        try
        {
            if (await ReadPresentAsync(path, cancellationToken).ConfigureAwait(false) is byte[] present && !overwrite && !IsSidecar(present))
            {
                throw new KlingException(
                    ErrorKind.FileExists,
                    $"The sidecar of the video could not be written, because '{path}' is not a sidecar. Move it away, or let -Force replace it.");
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new KlingException(ErrorKind.DestinationUnusable, $"The sidecar '{path}' of the video could not be written: {exception.Message}", exception);
        }
    }

    /// <summary>The content of the file that has the name of a sidecar; <see langword="null"/> if there is none, and empty if it is too long for one.</summary>
    /// <exception cref="NotOrdinaryFileException">The name belongs to a link, or to something that is not a file.</exception>
    private static async Task<byte[]?> ReadPresentAsync(string path, CancellationToken cancellationToken)
    {
        if (FileFacts.OfName(path) is not FileFacts facts)
        {
            return null;
        }

        OwnFile.RequireOrdinary(facts, path);
        try
        {
            return await OrdinaryFile.ReadAllBytesAsync(path, MaxLength, cancellationToken).ConfigureAwait(false);
        }
        catch (FileTooLongException)
        {
            return [];
        }
    }

    /// <summary>Reads a file that may be a sidecar.</summary>
    /// <param name="path">The full path.</param>
    /// <returns><see langword="null"/> if it is not one, or cannot be read.</returns>
    public static Sidecar? TryRead(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(OrdinaryFile.ReadAllBytes(path, MaxLength), s_context.Sidecar) is { Source: not null, Request: not null, Video: not null } sidecar ? sidecar : null;
        }
        catch (Exception exception) when (exception is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Whether the video is a clip of a sandbox other than the service in use now: nobody has paid for it.</summary>
    /// <param name="service">The service in use now; see <see cref="Api.ServiceAddress"/>.</param>
    public bool IsFreeClip(string service)
        => Service is null ? Api.ServiceAddress.IsLocal(Source.Uri) : Service != service && Api.ServiceAddress.IsHere(Service);

    /// <summary>What makes the purchase the same as another; <see langword="null"/> if the sidecar does not tell.</summary>
    public string? FindIdentity()
    {
        // Sidecars that do not say it describe everything that a video could be made from when they were written.
        bool isComplete = this is { ReferenceImages: null, SourceVideo: null, SourceAudio: null, TailImage: null or { Sha256: not null } };
        if (Identity is not null || !isComplete || Source.Sha256 is not string source || Request.Model is not string model)
        {
            return Identity;
        }

        return (ToSpec(model) with
        {
            Image = MediaSource.FromFile(Source.Path ?? string.Empty) with { Hash = source },
            TailImage = TailImage is null ? null : MediaSource.FromFile(TailImage.Path ?? string.Empty) with { Hash = TailImage.Sha256 },
        }).Normalized().GetIdentity();
    }

    /// <summary>The task of the video, as far as the sidecar says: what was asked for, what it cost, and where the video is.</summary>
    /// <param name="videoPath">The full path of the video.</param>
    public KlingVideoTask ToTask(string videoPath) => new()
    {
        Id = Id,
        TaskId = ServiceTaskId.IsValid(TaskId) ? TaskId : null,
        TaskState = KlingTaskState.Succeeded,
        Spec = ToSpec(Request.Model ?? ModelCatalog.DefaultId) with
        {
            Take = Math.Max(Request.Take, 1),
            Image = Source.ToMedia(),
            TailImage = TailImage?.ToMedia(),
            ReferenceImages = new((ReferenceImages ?? []).Select(image => image?.ToMedia()).OfType<MediaSource>()),
            Video = SourceVideo?.ToMedia(),
            Audio = SourceAudio?.ToMedia(),
        },
        Identity = FindIdentity(),
        CreatedAt = CreatedAt,
        CompletedAt = CompletedAt,
        CreditsConsumed = VideoPrice.From(Credits),
        SavedPath = videoPath,
        SavedHash = Video.Sha256,
    };

    /// <summary>What was asked for, without what the video is made from.</summary>
    private VideoSpec ToSpec(string model)
    {
        // A length that follows from a file was not asked for.
        bool hasLengthOfInput = ModelCatalog.Get(model).TakesLengthOfInput;
        return new()
        {
            Model = model,
            Prompt = Request.Prompt,
            NegativePrompt = Request.NegativePrompt,
            Duration = hasLengthOfInput ? null : Request.Duration,
            InputSeconds = hasLengthOfInput ? VideoLength.From((decimal?)Request.Duration) : null,
            AspectRatio = Request.AspectRatio,
            Resolution = Request.Resolution,
            Sound = Request.Sound ?? false,
            CfgScale = Request.CfgScale,
            CharacterOrientation = Request.CharacterOrientation,
            Take = Request.Take,
        };
    }

    /// <summary>Whether a file was written by this class, for any video.</summary>
    private static bool IsSidecar(ReadOnlyMemory<byte> content)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(content);
            return document.RootElement is { ValueKind: JsonValueKind.Object } root
                && root.TryGetProperty("id", out _)
                && root.TryGetProperty("source", out _)
                && root.TryGetProperty("request", out _)
                && root.TryGetProperty("video", out JsonElement video)
                && video.ValueKind == JsonValueKind.Object
                && video.TryGetProperty("sha256", out _);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // The latter if a name contains half a character: the parser does not look inside names.
            return false;
        }
    }

    private static readonly SidecarJsonContext s_context = new(new JsonSerializerOptions
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,

        // It is read by people, whose prompts need not be in English.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}

/// <summary>A file in a <see cref="Sidecar"/>.</summary>
internal sealed record SidecarFile
{
    /// <summary>The full path.</summary>
    public string? Path { get; init; }

    /// <summary>The address the service fetched it from.</summary>
    public string? Uri { get; init; }

    /// <summary>The SHA-256 of its content, in lower-case hex.</summary>
    public string? Sha256 { get; init; }

    /// <summary>What a video was made from; <see langword="null"/> if there is nothing.</summary>
    internal MediaSource? ToMedia() => Path is not null && (Sha256 is not null || Uri is null) ? MediaSource.FromFile(Path) with { Hash = Sha256, Uri = Uri }
        : Uri is not null ? MediaSource.FromUri(Uri, uploadedFrom: Path)
        : null;
}

/// <summary>What was asked for, in a <see cref="Sidecar"/>.</summary>
internal sealed record SidecarRequest
{
    /// <summary>The model's id.</summary>
    public required string Model { get; init; }

    /// <summary>What happens in the video.</summary>
    public string? Prompt { get; init; }

    /// <summary>What should not be seen.</summary>
    public string? NegativePrompt { get; init; }

    /// <summary>The length in seconds; left out if it is not known.</summary>
    public int? Duration { get; init; }

    /// <summary>The aspect ratio, if one was asked for.</summary>
    public string? AspectRatio { get; init; }

    /// <summary>The resolution, if one was asked for.</summary>
    public string? Resolution { get; init; }

    /// <summary>Whether it was asked for with sound; left out if it was not.</summary>
    public bool? Sound { get; init; }

    /// <summary>How closely the prompt is followed; <see langword="null"/> if the service's default applied.</summary>
    public decimal? CfgScale { get; init; }

    /// <summary>Whose orientation the character has; <see langword="null"/> if the service's default applied.</summary>
    public string? CharacterOrientation { get; init; }

    /// <summary>Which of several deliberate variants it is.</summary>
    public required int Take { get; init; }
}

/// <summary>How sidecars are written as JSON.</summary>
[JsonSerializable(typeof(Sidecar))]
internal sealed partial class SidecarJsonContext : JsonSerializerContext;

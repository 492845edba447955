using System.Text.Json;
using System.Text.Json.Serialization;
using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>
/// The parameters of a video that have no column of their own, as JSON in one column, so that a new one needs no migration. A version
/// that does not know a parameter ignores it.
/// </summary>
internal sealed record MoreParameters
{
    private static readonly MoreParameters s_none = new();

    /// <summary>Whether the image was given by the address of an upload whose content is known, so that no file is read for it; <see langword="null"/> otherwise.</summary>
    [JsonPropertyName("isUpload")]
    public bool? IsUpload { get; init; }

    /// <summary>The SHA-256 of the tail image, in lower-case hex.</summary>
    [JsonPropertyName("tailHash")]
    public string? TailHash { get; init; }

    /// <summary>See <see cref="VideoSpec.AspectRatio"/>.</summary>
    [JsonPropertyName("aspectRatio")]
    public string? AspectRatio { get; init; }

    /// <summary>See <see cref="VideoSpec.Resolution"/>.</summary>
    [JsonPropertyName("resolution")]
    public string? Resolution { get; init; }

    /// <summary>See <see cref="VideoSpec.Sound"/>; <see langword="null"/> without sound.</summary>
    [JsonPropertyName("sound")]
    public bool? Sound { get; init; }

    /// <summary>See <see cref="VideoSpec.CharacterOrientation"/>.</summary>
    [JsonPropertyName("characterOrientation")]
    public string? CharacterOrientation { get; init; }

    /// <summary>See <see cref="VideoSpec.ReferenceImages"/>; <see langword="null"/> without any.</summary>
    [JsonPropertyName("referenceImages")]
    public IReadOnlyList<StoredSource>? ReferenceImages { get; init; }

    /// <summary>See <see cref="VideoSpec.Video"/>.</summary>
    [JsonPropertyName("video")]
    public StoredSource? Video { get; init; }

    /// <summary>See <see cref="VideoSpec.Audio"/>.</summary>
    [JsonPropertyName("audio")]
    public StoredSource? Audio { get; init; }

    /// <summary>See <see cref="VideoSpec.InputSeconds"/>.</summary>
    [JsonPropertyName("inputSeconds")]
    public decimal? InputSeconds { get; init; }

    /// <summary>See <see cref="VideoSpec.Name"/>.</summary>
    [JsonPropertyName("name")]
    public string? Name { get; init; }

    public static MoreParameters From(VideoSpec spec) => new()
    {
        IsUpload = spec.Image is { IsFile: false, Hash: not null } ? true : null,
        TailHash = spec.TailImage?.Hash,
        AspectRatio = spec.AspectRatio,
        Resolution = spec.Resolution,
        Sound = spec.Sound ? true : null,
        CharacterOrientation = spec.CharacterOrientation,
        ReferenceImages = spec.ReferenceImages.Count == 0 ? null : [.. spec.ReferenceImages.Select(image => StoredSource.From(image)!)],
        Video = StoredSource.From(spec.Video),
        Audio = StoredSource.From(spec.Audio),
        InputSeconds = spec.InputSeconds,
        Name = spec.Name,
    };

    /// <summary>The spec with these parameters.</summary>
    public VideoSpec AddTo(VideoSpec spec) => spec with
    {
        Image = IsUpload == true && spec.Image is { Uri: string uri } upload ? MediaSource.FromUri(uri, upload.Path) with { Hash = upload.Hash } : spec.Image,
        TailImage = TailHash is null || spec.TailImage is null ? spec.TailImage : spec.TailImage with { Hash = TailHash },
        AspectRatio = AspectRatio,
        Resolution = Resolution,
        Sound = Sound == true,
        CharacterOrientation = CharacterOrientation,
        ReferenceImages = ReferenceImages is null ? spec.ReferenceImages : new(ReferenceImages.Select(image => image.ToSource())),
        Video = Video?.ToSource(),
        Audio = Audio?.ToSource(),
        InputSeconds = VideoLength.From(InputSeconds),
        Name = Name,
    };

    public static MoreParameters Read(string? json) => json is null ? s_none : JsonSerializer.Deserialize(json, ParametersContext.Default.MoreParameters) ?? s_none;

    /// <returns><see langword="null"/> if there are none.</returns>
    public string? Write() => this == s_none ? null : JsonSerializer.Serialize(this, ParametersContext.Default.MoreParameters);
}

/// <summary>A <see cref="MediaSource"/> as it is stored.</summary>
internal sealed record StoredSource
{
    /// <summary>See <see cref="MediaSource.Path"/>.</summary>
    [JsonPropertyName("path")]
    public string? Path { get; init; }

    /// <summary>See <see cref="MediaSource.Hash"/>.</summary>
    [JsonPropertyName("hash")]
    public string? Hash { get; init; }

    /// <summary>See <see cref="MediaSource.Uri"/>.</summary>
    [JsonPropertyName("uri")]
    public string? Uri { get; init; }

    public static StoredSource? From(MediaSource? source)
        => source is null ? null : new() { Path = source.Path, Hash = source.Hash, Uri = source.Uri };

    /// <summary>Only a source that was given as a file has a path.</summary>
    public MediaSource ToSource() => Path is null ? MediaSource.FromUri(Uri ?? string.Empty) with { Hash = Hash } : MediaSource.FromFile(Path) with { Hash = Hash, Uri = Uri };
}

/// <summary>Source-generated serialization, as reflection would slow down every purchase.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(MoreParameters))]
internal sealed partial class ParametersContext : JsonSerializerContext;

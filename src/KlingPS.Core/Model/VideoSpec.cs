using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace KlingPS.Core.Model;

/// <summary>The video that is asked for, from the parameters of a command to the wire, the ledger and back.</summary>
/// <remarks>
/// What is <see langword="null"/> is left to the service's default. A spec is completed on its way by <see langword="with"/>: first its
/// images get their hashes, then their addresses.
/// </remarks>
internal sealed record VideoSpec
{
    /// <summary>The length in seconds where none is asked for: every model's own default.</summary>
    public const int DefaultDuration = 5;

    /// <summary>The guidance where none is asked for: every model's own default.</summary>
    public const decimal DefaultCfgScale = 0.5m;

    /// <summary>The model's id.</summary>
    public string Model { get; init; } = ModelCatalog.DefaultId;

    /// <summary>What happens in the video; <see langword="null"/> only where the service does not say what a task was made from.</summary>
    public required string? Prompt { get; init; }

    /// <summary>What should not be seen.</summary>
    public string? NegativePrompt { get; init; }

    /// <summary>The length in seconds.</summary>
    public int? Duration { get; init; }

    /// <summary>How closely the prompt is followed: 0 to 1 in steps of 0.1.</summary>
    public decimal? CfgScale { get; init; }

    /// <summary>The image the video starts with.</summary>
    public MediaSource? Image { get; init; }

    /// <summary>The image the video ends with.</summary>
    public MediaSource? TailImage { get; init; }

    /// <summary>Where the service posts the result.</summary>
    public string? CallbackUri { get; init; }

    /// <summary>Which of several deliberate variants of the same video it is, from 1. The service is not told.</summary>
    public int Take { get; init; } = 1;

    /// <summary>The length in seconds that the video will have.</summary>
    public int Seconds => Duration ?? DefaultDuration;

    /// <summary>The guidance that is in force.</summary>
    internal decimal Guidance => CfgScale ?? DefaultCfgScale;

    /// <summary>How a message names the video: by its image.</summary>
    public string Subject => Image?.Subject ?? string.Empty;

    /// <summary>
    /// What makes two purchases the same: the same content of the images, the same parameters, the same take. Where a parameter is left
    /// out, the service's default counts; where the result is posted does not count. Texts count character by character, so what is to be
    /// bought is <see cref="Normalized"/> first.
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
            Seconds.ToString(CultureInfo.InvariantCulture),
            Guidance.ToString("0.0", CultureInfo.InvariantCulture),
            Image?.GetContent() ?? string.Empty,
            TailImage?.GetContent(),
            .. Take == 1 ? Array.Empty<string>() : [Take.ToString(CultureInfo.InvariantCulture)],
        ];

        // Each part goes with its length, so that no two lists of parts run together to the same text.
        var text = new StringBuilder();
        foreach (string? part in parts)
        {
            text.Append(CultureInfo.InvariantCulture, $"{part?.Length ?? -1}:{part}\n");
        }

        return Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString()))).ToLowerInvariant();
    }

    /// <summary>The same video with its texts as the service is sent them: see <see cref="PromptText"/>. A negative prompt without a character is none.</summary>
    public VideoSpec Normalized() => this with
    {
        Prompt = Prompt is null ? null : PromptText.Normalize(Prompt),
        NegativePrompt = NegativePrompt is not null && PromptText.Normalize(NegativePrompt) is { Length: > 0 } text ? text : null,
    };

    /// <inheritdoc cref="ModelSpec.GetCredits"/>
    public decimal? GetCredits() => ModelCatalog.Get(Model).GetCredits(this);

    /// <inheritdoc cref="ModelSpec.Validate(VideoSpec, string)"/>
    public void Validate() => ModelCatalog.Get(Model).Validate(this);

    /// <summary>Whether a parameter is given.</summary>
    internal bool Has(VideoParameter parameter) => parameter switch
    {
        VideoParameter.Prompt => Prompt is not null,
        VideoParameter.NegativePrompt => NegativePrompt is not null,
        VideoParameter.Duration => Duration is not null,
        VideoParameter.CfgScale => CfgScale is not null,
        VideoParameter.Image => Image is not null,
        VideoParameter.TailImage => TailImage is not null,
        _ => throw new ArgumentOutOfRangeException(nameof(parameter), parameter, null),
    };

    /// <summary>In what another spec differs from this one, as far as the service knows: one clause for each difference.</summary>
    /// <param name="other">What the service says that a task was made from. It fills in its defaults.</param>
    public IEnumerable<string> FindDifferences(VideoSpec other)
    {
        ArgumentNullException.ThrowIfNull(other);

        // Neither what the service makes of line ends nor what an earlier version sent is another text.
        VideoSpec here = Normalized();
        VideoSpec there = other.Normalized();
        if (there.Prompt != here.Prompt)
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

        if (other.Model != Model)
        {
            yield return $"its model is {other.Model}";
        }

        if (other.Seconds != Seconds)
        {
            yield return $"it is {other.Seconds} seconds long";
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
}

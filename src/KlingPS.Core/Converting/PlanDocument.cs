using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using KlingPS.Core.Files;
using KlingPS.Core.Model;
using KlingPS.Core.Reporting;

namespace KlingPS.Core.Converting;

/// <summary>What a run would do, image by image; the JSON of <c>-PlanPath</c>. Its schema is KlingPS.Plan.schema.json, which ships with the module.</summary>
internal sealed record PlanDocument
{
    /// <summary>How the name of every version of the format begins.</summary>
    public const string FormPrefix = "urn:klingps:plan:";

    /// <summary>Identifies a plan and the version of its format.</summary>
    public const string Form = FormPrefix + "1";

    [JsonPropertyName("$schema")]
    public string Schema { get; init; } = Form;

    public required string PlanId { get; init; }

    /// <summary>When it was made, by the clock of the ledger.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it ends, by the same clock: from then on, it buys nothing.</summary>
    public required DateTimeOffset EndsAt { get; init; }

    public required RunVersions Versions { get; init; }

    public required RunMachine Machine { get; init; }

    public required RunAccount Account { get; init; }

    /// <summary>Where the ledger is that has a record of the plan.</summary>
    public required string Ledger { get; init; }

    public required PlanLimits Limits { get; init; }

    /// <summary>The full path of the folder that the videos go to.</summary>
    public required string Destination { get; init; }

    public required string NameTemplate { get; init; }

    public required PlanChoices Choices { get; init; }

    /// <summary>The parameters of the command as they were given, without those that come with each row.</summary>
    public required IReadOnlyDictionary<string, JsonElement> Parameters { get; init; }

    public required PlanTotals Totals { get; init; }

    /// <summary>Every input, in the order of the input.</summary>
    public required IReadOnlyList<PlanItem> Items { get; init; }

    /// <summary>The SHA-256 of the file with an empty text in its place, in lower-case hex.</summary>
    public required string Digest { get; init; }

    /// <summary>The same plan with its digest.</summary>
    public PlanDocument Sealed()
        => this with { Digest = ContentHash.OfText(PlanJson.Write(this with { Digest = string.Empty })) };
}

/// <summary>The limits that a plan was made with, in credits and tasks.</summary>
internal sealed record PlanLimits(decimal? MaxCredits, int? MaxTasks, decimal? DailyCreditCap);

/// <summary>The switches that a plan was made with.</summary>
internal sealed record PlanChoices(bool Sidecar, bool RetryFailed, bool AllowRepurchase, bool SkipChanged, bool Force);

/// <summary>The items, counted by what would be done, and what would be spent.</summary>
internal sealed record PlanTotals : ItemTotals
{
    public PlanTotals()
    {
    }

    private PlanTotals(IReadOnlyCollection<string> results)
        : base(results)
    {
    }

    /// <summary>What would be spent, as far as prices are known.</summary>
    public decimal Credits { get; init; }

    /// <summary>Those of the videos to be made whose price is not known.</summary>
    public int Unpriced { get; init; }

    /// <summary>Counts items.</summary>
    public static PlanTotals Of(IReadOnlyCollection<PlanItem> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        PlanItem[] made = [.. items.Where(item => item.IsPurchase)];
        return new PlanTotals([.. items.Select(item => item.Result)])
        {
            Credits = made.Sum(item => item.Credits ?? 0),
            Unpriced = made.Count(item => item.Credits is null),
        };
    }
}

/// <summary>One input of a plan and what would be done for it.</summary>
internal sealed record PlanItem
{
    /// <summary>The full path of the image, or what the input gave as one.</summary>
    public string? Path { get; init; }

    /// <summary>The name of the input if it has no image.</summary>
    public string? Name { get; init; }

    /// <summary>What would be done, in the words of <see cref="RunItemResult"/>. Only <see cref="RunItemResult.Made"/> costs anything.</summary>
    public required string Result { get; init; }

    /// <summary>What it would cost: 0 if nothing would be bought; <see langword="null"/> if the price is not known.</summary>
    public decimal? Credits { get; init; }

    /// <summary>Where the price comes from; <see langword="null"/> if nothing would be bought, or the price is not known.</summary>
    public PlanPrice? Price { get; init; }

    /// <summary>What makes two videos the same; <see langword="null"/> if it could not be found out.</summary>
    public string? Identity { get; init; }

    /// <summary>What the service would be asked for; <see langword="null"/> if the input did not get that far.</summary>
    public PlanRequest? Request { get; init; }

    /// <summary>The full path that the video would have; <see langword="null"/> while that depends on the purchase.</summary>
    public string? File { get; init; }

    /// <summary>What the ledger has for it, on which the plan depends; <see langword="null"/> if it has nothing.</summary>
    public PlanTask? Task { get; init; }

    /// <inheritdoc cref="ConversionPlan.Remark"/>
    public string? Remark { get; init; }

    public string? ErrorId { get; init; }

    public string? ErrorMessage { get; init; }

    /// <summary>What messages call it.</summary>
    [JsonIgnore]
    public string? Subject => Path ?? Name ?? Request?.Prompt;

    /// <summary>Whether it would be bought.</summary>
    [JsonIgnore]
    public bool IsPurchase => Result == nameof(RunItemResult.Made);

    /// <summary>Whether something would be done for it, or already has been.</summary>
    [JsonIgnore]
    public bool IsDone => Result is nameof(RunItemResult.Made) or nameof(RunItemResult.Downloaded) or nameof(RunItemResult.Present) or nameof(RunItemResult.Taken) or nameof(RunItemResult.Pending);
}

/// <summary>Where a price comes from.</summary>
/// <param name="Source"><c>Model</c>: this version of KlingPS knows it as the model's price. <c>Service</c>: the service charged it for the last video of this kind.</param>
/// <param name="AsOf">The day of the price.</param>
internal sealed record PlanPrice(string Source, DateOnly? AsOf);

/// <summary>A task that a plan depends on.</summary>
internal sealed record PlanTask(long Id, string? TaskId, string State);

/// <summary>What a video is made from: a file with its content, or an address.</summary>
internal sealed record PlanSource(string? Path, string? Uri, string? Hash)
{
    public static PlanSource? Of(MediaSource? source) => source is null ? null : source.IsFile ? new(source.Path, null, source.Hash) : new(null, source.Uri, null);

    public MediaSource ToSource() => Path is not null ? MediaSource.FromFile(Path) : MediaSource.FromUri(Uri ?? string.Empty);
}

/// <summary>What the service would be asked for. Anything that is <see langword="null"/> is left to its defaults.</summary>
internal sealed record PlanRequest
{
    public required string Model { get; init; }

    public string? Prompt { get; init; }

    public string? NegativePrompt { get; init; }

    public int? Duration { get; init; }

    public string? AspectRatio { get; init; }

    public string? Resolution { get; init; }

    public bool Sound { get; init; }

    public decimal? CfgScale { get; init; }

    public string? CharacterOrientation { get; init; }

    public PlanSource? Image { get; init; }

    public PlanSource? TailImage { get; init; }

    public required IReadOnlyList<PlanSource> ReferenceImages { get; init; }

    public PlanSource? Video { get; init; }

    public PlanSource? Audio { get; init; }

    public string? CallbackUri { get; init; }

    /// <summary>Which of several variants it is. The service is not told.</summary>
    public int Take { get; init; } = 1;

    /// <summary>The name of a video that has no image. The service is not told.</summary>
    public string? Name { get; init; }

    /// <summary>The text file that the prompt was read from.</summary>
    public string? PromptPath { get; init; }

    public static PlanRequest Of(VideoSpec spec, string? promptPath)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return new PlanRequest
        {
            Model = spec.Model,
            Prompt = spec.Prompt,
            NegativePrompt = spec.NegativePrompt,
            Duration = spec.Duration,
            AspectRatio = spec.AspectRatio,
            Resolution = spec.Resolution,
            Sound = spec.Sound,
            CfgScale = spec.CfgScale,
            CharacterOrientation = spec.CharacterOrientation,
            Image = PlanSource.Of(spec.Image),
            TailImage = PlanSource.Of(spec.TailImage),
            ReferenceImages = [.. spec.ReferenceImages.Select(PlanSource.Of).OfType<PlanSource>()],
            Video = PlanSource.Of(spec.Video),
            Audio = PlanSource.Of(spec.Audio),
            CallbackUri = spec.CallbackUri,
            Take = spec.Take,
            Name = spec.Name,
            PromptPath = promptPath,
        };
    }

    /// <summary>The video. Its files are read again, whatever the plan says about their content.</summary>
    public VideoSpec ToSpec() => new()
    {
        Model = Model,
        Prompt = Prompt,
        NegativePrompt = NegativePrompt,
        Duration = Duration,
        AspectRatio = AspectRatio,
        Resolution = Resolution,
        Sound = Sound,
        CfgScale = CfgScale,
        CharacterOrientation = CharacterOrientation,
        Image = Image?.ToSource(),
        TailImage = TailImage?.ToSource(),
        ReferenceImages = new(ReferenceImages.Select(source => source.ToSource())),
        Video = Video?.ToSource(),
        Audio = Audio?.ToSource(),
        CallbackUri = CallbackUri,
        Take = Take,
        Name = Name,
    };

    /// <summary>The files with their content.</summary>
    public IEnumerable<PlanSource> Files()
        => new[] { Image, TailImage, Video, Audio }.Concat(ReferenceImages).OfType<PlanSource>().Where(source => source.Path is not null);

    /// <summary>Whether another request asks for the same, apart from the content of the files.</summary>
    public bool IsLike(PlanRequest other) => Text(this) == Text(other);

    private static string Text(PlanRequest request) => JsonSerializer.Serialize(
        request with
        {
            Image = Blank(request.Image),
            TailImage = Blank(request.TailImage),
            ReferenceImages = [.. request.ReferenceImages.Select(source => Blank(source)!)],
            Video = Blank(request.Video),
            Audio = Blank(request.Audio),
            PromptPath = null,
        },
        PlanJson.Context.PlanRequest);

    private static PlanSource? Blank(PlanSource? source) => source is null ? null : source with { Hash = null };
}

/// <summary>Source-generated JSON of plans.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(PlanDocument))]
[JsonSerializable(typeof(PlanRequest))]
internal sealed partial class PlanContext : JsonSerializerContext;

/// <summary>How plans are written and read.</summary>
internal static class PlanJson
{
    /// <summary>With letters of all scripts as they are.</summary>
    public static PlanContext Context { get; } = new(new JsonSerializerOptions(PlanContext.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>A plan as it is in its file, the same on every system.</summary>
    public static string Write(PlanDocument plan) => LineText.Escape(JsonSerializer.Serialize(plan, Context.PlanDocument)).ReplaceLineEndings("\n") + "\n";
}

using System.Globalization;
using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Core.Model;
using KlingPS.Hosting;
using KlingPS.Parameters;
using KlingPS.Sessions;

namespace KlingPS.Commands.Base;

/// <summary>A command about videos that can be bought: the parameters that say what a video is, the same everywhere.</summary>
/// <remarks>
/// Their limits are those of the model, and are checked by its row.
/// </remarks>
public abstract class VideoCommand : ImagePathCommand
{
    private bool _isDurationGiven;

    /// <summary>Creates the command.</summary>
    protected VideoCommand() => WarmUp.Begin();

    /// <summary>The image files; wildcards are allowed. None for a video that is made from a prompt alone.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Usage(ByPath)]
    [SupportsWildcards]
    [PathText]
    [InPlaceOf(nameof(LiteralPath))]
    public override string[] Path { get; set; } = [];

    /// <summary>What should not be seen: at most 2496 characters.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("negative_prompt")]
    [PlainText]
    public string? NegativePrompt { get; set; }

    /// <summary>The length of the video in seconds: 5 (the service's default) or 10 with the default model.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [WholeNumber]
    [ArgumentCompleter(typeof(ModelValueCompleter))]
    public int? Duration { get; set; }

    /// <summary>The aspect ratio, such as 16:9, for models that make several.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ModelValueCompleter))]
    [Alias("aspect_ratio")]
    public string? AspectRatio { get; set; }

    /// <summary>The resolution: 720p, 1080p or 4K, for models that make several.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ModelValueCompleter))]
    public string? Resolution { get; set; }

    /// <summary>Makes the video with sound.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [SwitchText]
    public SwitchParameter Sound { get; set; }

    /// <summary>How closely the prompt is followed: 0 to 1 in steps of 0.1; the service's default is 0.5.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [DecimalNumber]
    [RangeIfGiven(0.0, 1.0)]
    [Alias("cfg_scale")]
    public double? CfgScale { get; set; }

    /// <summary>The image file that the video ends with.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [InPlaceOf(nameof(TailImageUri))]
    public string? TailImagePath { get; set; }

    /// <summary>The address of the image that the video ends with.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("TailImageUrl", "tail_image_url")]
    [InPlaceOf(nameof(TailImagePath))]
    public string? TailImageUri { get; set; }

    /// <summary>Further image files showing what is to be in the video.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string[]? ReferenceImagePath { get; set; }

    /// <summary>The addresses of further images showing what is to be in the video.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string[]? ReferenceImageUri { get; set; }

    /// <summary>The video file that the video is made from, or whose motion it takes over.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [InPlaceOf(nameof(VideoUri))]
    public string? VideoPath { get; set; }

    /// <summary>The address of the video that the video is made from.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("VideoUrl", "video_url")]
    [InPlaceOf(nameof(VideoPath))]
    public string? VideoUri { get; set; }

    /// <summary>The audio file that is heard in the video.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [InPlaceOf(nameof(AudioUri))]
    public string? AudioPath { get; set; }

    /// <summary>The address of the audio that is heard in the video.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("AudioUrl", "audio_url")]
    [InPlaceOf(nameof(AudioPath))]
    public string? AudioUri { get; set; }

    /// <summary>The orientation of a character whose motion comes from a video: that of the image or that of the video.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ModelValueCompleter))]
    [Alias("character_orientation")]
    public string? CharacterOrientation { get; set; }

    /// <summary>The model's id.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ModelCompleter))]
    public string? Model { get; set; }

    /// <summary>The name of a video that has no image to be named after.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? Name { get; set; }

    /// <inheritdoc/>
    private protected override bool ReadsTables => true;

    /// <summary>How an error begins that says why a video cannot be made as it is asked for; its subject and a colon follow.</summary>
    private protected virtual string Refusal => ModelSpec.NotBought;

    /// <summary>Whether the duration is that of a recorded task whose clip determined it: a result, not something that was asked for.</summary>
    private bool IsDurationOfClip => !_isDurationGiven && GetModel().TakesLengthOfInput && CurrentRow?.Properties[nameof(KlingVideoTask.TaskId)] is not null;

    /// <summary>The video that the parameters ask for as they are bound now.</summary>
    /// <param name="image">Its image; <see langword="null"/> if it has none.</param>
    /// <param name="prompt">What happens in it.</param>
    /// <exception cref="KlingException">A path is not one of the file system, or the row asks for something that would be ignored.</exception>
    private protected VideoSpec ToSpec(MediaSource? image, string? prompt)
    {
        VideoSpec spec = CreateSpec(image, prompt);
        bool isBoughtWithoutImage = image is null && this is VideoRequestCommand && !GetModel().NeedsImage;
        return CurrentRow is PSObject row && Columns is not null && UnreadColumns.FindProblem(row, isBoughtWithoutImage, MyInvocation.MyCommand, Columns) is string problem
            ? throw new KlingException(ErrorKind.RequestInvalid, $"{Refusal}{(spec.Subject.Length > 0 ? $" for '{spec.Subject}'" : string.Empty)}: {problem}")
            : spec;
    }

    /// <inheritdoc/>
    private protected override void CheckParameters()
    {
        _isDurationGiven = MyInvocation.BoundParameters.ContainsKey(nameof(Duration));
        if ((IsGiven(nameof(Path)) || IsGiven(nameof(LiteralPath))) && BlankText.IsAll(Path) && BlankText.IsAll(LiteralPath))
        {
            string name = IsGiven(nameof(Path)) ? nameof(Path) : nameof(LiteralPath);
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"-{name} is empty, and a video without the image that it was meant for would be billed all the same.{NothingDone} Name the image, or leave -{name} out to make a video from a prompt alone.");
        }

        base.CheckParameters();
        RequireSet(
            (nameof(TailImagePath), [TailImagePath]),
            (nameof(TailImageUri), [TailImageUri]),
            (nameof(ReferenceImagePath), ReferenceImagePath),
            (nameof(ReferenceImageUri), ReferenceImageUri),
            (nameof(VideoPath), [VideoPath]),
            (nameof(VideoUri), [VideoUri]),
            (nameof(AudioPath), [AudioPath]),
            (nameof(AudioUri), [AudioUri]));
        RequireOneOf((nameof(TailImagePath), TailImagePath), (nameof(TailImageUri), TailImageUri));
        RequireOneOf((nameof(VideoPath), VideoPath), (nameof(VideoUri), VideoUri));
        RequireOneOf((nameof(AudioPath), AudioPath), (nameof(AudioUri), AudioUri));
        FixPaths();
    }

    /// <summary>Refuses a variable that was never set in place of a file or an address, such as that of an upload which failed. An empty text says that there is none.</summary>
    private void RequireSet(params (string Name, string?[]? Texts)[] inputs)
    {
        if (Array.Find(inputs, input => IsGiven(input.Name) && (input.Texts is null || input.Texts.Contains(null))).Name is string name)
        {
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"-{name} is not set, and a video without what it was meant to name would be billed all the same.{NothingDone} Check the variable, or leave -{name} out.");
        }
    }

    /// <summary>Refuses a path and an address for one thing. A row may have both, as a task does; whoever gives both means one of them.</summary>
    private void RequireOneOf((string Name, string? Text) path, (string Name, string? Text) uri)
    {
        if (IsGiven(path.Name) && IsGiven(uri.Name) && NullIfBlank(path.Text) is not null && NullIfBlank(uri.Text) is not null)
        {
            throw Usages.Conflict([path.Name, uri.Name], MyInvocation.MyCommand.Name);
        }
    }

    /// <summary>A file that is given once is the same for all input, even if an earlier command changes the current location between two images.</summary>
    private void FixPaths()
    {
        TailImagePath = FixIfGiven(nameof(TailImagePath), TailImagePath);
        VideoPath = FixIfGiven(nameof(VideoPath), VideoPath);
        AudioPath = FixIfGiven(nameof(AudioPath), AudioPath);
        if (IsGiven(nameof(ReferenceImagePath)) && ReferenceImagePath is string[] references)
        {
            ReferenceImagePath = [.. references.Select(path => NullIfBlank(path) is null ? path : Context.Shell.Paths.Fix(path))];
        }
    }

    private string? FixIfGiven(string parameter, string? path)
        => IsGiven(parameter) && NullIfBlank(path) is not null ? Context.Shell.Paths.Fix(path!) : path;

    private VideoSpec CreateSpec(MediaSource? image, string? prompt) => new()
    {
        Model = GetModel().Id,
        Prompt = string.IsNullOrWhiteSpace(prompt) && GetModel().IsPromptOptional ? null : prompt,
        NegativePrompt = string.IsNullOrWhiteSpace(NegativePrompt) ? null : NegativePrompt,
        Duration = IsDurationOfClip ? null : Duration,
        AspectRatio = NullIfBlank(AspectRatio),
        Resolution = VideoResolution.Normalize(NullIfBlank(Resolution)),
        Sound = Sound,
        CfgScale = CfgScale is double scale ? ToStep(scale) : null,
        Image = image,
        TailImage = ToSource(TailImagePath, TailImageUri, nameof(TailImagePath), nameof(TailImageUri)),
        ReferenceImages = new(
        [
            .. (ReferenceImagePath ?? []).Select(FromPath).OfType<MediaSource>(),
            .. (ReferenceImageUri ?? []).Select(FromUri).OfType<MediaSource>(),
        ]),
        Video = ToSource(VideoPath, VideoUri, nameof(VideoPath), nameof(VideoUri)),
        Audio = ToSource(AudioPath, AudioUri, nameof(AudioPath), nameof(AudioUri)),
        CharacterOrientation = CharacterOrientations.Normalize(NullIfBlank(CharacterOrientation)),

        // Whatever is made from an image is named after it.
        Name = image is null ? NullIfBlank(Name) : null,
    };

    /// <summary>The model that is asked, as it is bound now.</summary>
    private protected ModelSpec GetModel() => ModelCatalog.Get(NullIfBlank(Model) ?? ModelCatalog.DefaultId);

    /// <summary>A parameter that may be a blank cell of a CSV file.</summary>
    private protected static string? NullIfBlank(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();

    /// <summary>The source named by a path or an address. A task brings both, and the address is that of its upload: then the file is meant, unless the address was given to the command itself.</summary>
    private MediaSource? ToSource(string? path, string? uri, string pathParameter, string uriParameter)
        => IsGiven(uriParameter) && !IsGiven(pathParameter) && FromUri(uri) is MediaSource given ? given : FromPath(path) ?? FromUri(uri);

    private MediaSource? FromPath(string? path) => NullIfBlank(path) is null ? null : MediaSource.FromFile(Context.Shell.Paths.ResolveOne(path!));

    private static MediaSource? FromUri(string? uri) => NullIfBlank(uri) is string address ? MediaSource.FromUri(address) : null;

    private decimal ToStep(double scale)
    {
        decimal given = (decimal)scale;
        decimal step = Math.Round(given, 1, MidpointRounding.AwayFromZero);
        if (step != given)
        {
            WriteWarning(string.Create(CultureInfo.InvariantCulture, $"The service takes the CFG scale in steps of 0.1; {given} is sent as {step}."));
        }

        return step;
    }
}

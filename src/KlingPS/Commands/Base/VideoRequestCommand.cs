using System.Globalization;
using System.Management.Automation;
using KlingPS.Core.Model;
using KlingPS.Core.Submitting;
using KlingPS.Parameters;

namespace KlingPS.Commands.Base;

/// <summary>A command that buys videos: the parameters of a task, the same everywhere.</summary>
public abstract class VideoRequestCommand : ImagePathCommand
{
    private readonly string _runId = Guid.NewGuid().ToString("N");

    private bool _hasWarnedOfHttp;

    /// <summary>What should not be seen: at most 2496 characters.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("negative_prompt")]
    public string? NegativePrompt { get; set; }

    /// <summary>The length of the video in seconds: 5 (the service's default) or 10.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankAs(VideoSpec.DefaultDuration)]
    [ValidateSet("5", "10")]
    public int? Duration { get; set; }

    /// <summary>How closely the prompt is followed: 0 to 1 in steps of 0.1; the service's default is 0.5.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankAs(0.5)]
    [ValidateRange(0.0, 1.0)]
    [Alias("cfg_scale")]
    public double? CfgScale { get; set; }

    /// <summary>The image file the video ends with.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? TailImagePath { get; set; }

    /// <summary>The address of the image the video ends with.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("TailImageUrl", "tail_image_url")]
    public string? TailImageUri { get; set; }

    /// <summary>Where the service posts the result; http or https.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("CallBackUrl")]
    public string? CallbackUri { get; set; }

    /// <summary>The model's id.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ModelCompleter))]
    public string? Model { get; set; }

    /// <summary>The most credits this command may spend; what goes over it is not bought.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public decimal? MaxCredits { get; set; }

    /// <summary>The most tasks this command may buy.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int? MaxTasks { get; set; }

    /// <summary>The submission of one image, from the parameters as they are bound now.</summary>
    /// <exception cref="Core.KlingException">The path of the tail image is not a path of the file system.</exception>
    private protected Submission ToSubmission(MediaSource image, string prompt) => new()
    {
        Spec = new VideoSpec
        {
            Model = NullIfBlank(Model) ?? ModelCatalog.DefaultId,
            Prompt = prompt,
            NegativePrompt = NullIfBlank(NegativePrompt),
            Duration = Duration,
            CfgScale = CfgScale is double scale ? ToStep(scale) : null,
            Image = image,
            TailImage = NullIfBlank(TailImagePath) is not null ? MediaSource.FromFile(Context.Shell.Paths.ResolveOne(TailImagePath!))
                : NullIfBlank(TailImageUri) is string uri ? MediaSource.FromUri(uri)
                : null,
            CallbackUri = FindCallback(),
        },
        Budget = MaxCredits is null && MaxTasks is null ? null : new BudgetLimit { RunId = _runId, MaxCredits = MaxCredits, MaxTasks = MaxTasks },
    };

    private string? FindCallback()
    {
        string? text = NullIfBlank(CallbackUri);
        if (!_hasWarnedOfHttp && Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Scheme == Uri.UriSchemeHttp && !uri.IsLoopback)
        {
            _hasWarnedOfHttp = true;
            WriteWarning($"-CallbackUri goes to {uri.Host} over plain http: anybody on the way can read the result and the number that identifies the request. Use an https address.");
        }

        return text;
    }

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

    private static string? NullIfBlank(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();
}

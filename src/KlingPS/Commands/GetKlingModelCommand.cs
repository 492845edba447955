using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Api;
using KlingPS.Core.Model;
using KlingPS.Parameters;
using KlingPS.Sessions;

namespace KlingPS.Commands;

/// <summary>Shows which models there are, what they take and what they cost. Sends nothing, unless the service is asked.</summary>
[Cmdlet(VerbsCommon.Get, "KlingModel")]
[OutputType(typeof(KlingModel))]
public sealed class GetKlingModelCommand : KlingCommand
{
    /// <summary>The service answers one such query per second for the whole account.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1.1);

    private PaidVideos? _paid;
    private bool _hasAsked;

    /// <summary>The ids of the models; wildcards are allowed. If it is left out, all that make what is asked for.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Id")]
    [SupportsWildcards]
    [NotBlank]
    [ArgumentCompleter(typeof(ModelCompleter))]
    public string[] Model { get; set; } = ["*"];

    /// <summary>The length of the video that the price is for, in seconds; models that do not make that length are left out.</summary>
    [Parameter]
    [WholeNumber]
    [ValidateRange(1, 300)]
    [ArgumentCompleter(typeof(ModelValueCompleter))]
    public int? Duration { get; set; }

    /// <summary>The resolution that the price is for: 720p, 1080p or 4K; models that do not make it are left out.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(ModelValueCompleter))]
    public string? Resolution { get; set; }

    /// <summary>Gives the price of a video with sound; models without sound are left out.</summary>
    [Parameter]
    public SwitchParameter Sound { get; set; }

    /// <summary>Asks the service about price, request and success rate; free, and takes three seconds for each model.</summary>
    [Parameter]
    public SwitchParameter Online { get; set; }

    /// <inheritdoc/>
    private protected override string ProgressActivity => "Asking for models";

    /// <inheritdoc/>
    private protected override void OnBegin() => _paid = new PaidVideos();

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        foreach (string name in Model)
        {
            ModelSpec[] named = FindNamed(name);
            KlingModel[] models = [.. named.Select(Describe).OfType<KlingModel>()];
            if (named.Length == 0)
            {
                WriteError(new KlingException(ErrorKind.RequestInvalid, $"There is no model '{name}' here. Get-KlingModel lists them all."), name);
            }
            else if (models.Length == 0)
            {
                WriteError(new KlingException(ErrorKind.RequestInvalid, $"No model '{name}' makes such a video. Leave -Duration, -Resolution and -Sound out to see what they make."), name);
            }

            foreach (KlingModel model in models)
            {
                WriteObject(Online ? Ask(model) : model);
            }
        }
    }

    private static ModelSpec[] FindNamed(string name)
    {
        try
        {
            var pattern = new WildcardPattern(name, WildcardOptions.IgnoreCase);
            return [.. ModelCatalog.All.Where(model => pattern.IsMatch(model.Id))];
        }
        catch (WildcardPatternException)
        {
            // No model has a name that looks like a broken pattern.
            return [];
        }
    }

    private KlingModel? Describe(ModelSpec model)
    {
        PaidVideos videos = _paid!;
        return KlingModel.FindVideo(model, Duration, VideoResolution.Normalize(Resolution?.Trim()), Sound) is VideoSpec asked
            ? KlingModel.From(model, asked, Await(_ => videos.FindLastAsync(asked)))
            : null;
    }

    private KlingModel Ask(KlingModel model)
    {
        KlingClient client = Context.Session.CreateClient(Context.Observer);
        return model with
        {
            OnlinePrice = Ask(client, model.Id, "price"),
            OnlineSchema = Ask(client, model.Id, "schema"),
            OnlineSuccessRate = Ask(client, model.Id, "success-rate"),
        };
    }

    /// <summary>What the service says about one aspect; nothing, and an error, if it says nothing usable.</summary>
    private string? Ask(KlingClient client, string model, string aspect)
    {
        TimeSpan pause = _hasAsked ? s_pause : TimeSpan.Zero;
        TimeProvider time = Context.Session.TimeProvider;
        _hasAsked = true;
        try
        {
            return Await(async token =>
            {
                await Task.Delay(pause, time, token).ConfigureAwait(false);
                return await client.DescribeModelAsync(model, aspect, token).ConfigureAwait(false);
            });
        }
        catch (KlingException exception) when (!exception.IsFatal)
        {
            WriteError(exception, model);
            return null;
        }
    }
}

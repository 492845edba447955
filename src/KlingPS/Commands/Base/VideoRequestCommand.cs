using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Language;
using KlingPS.Core.Model;
using KlingPS.Core.Submitting;
using KlingPS.Parameters;
using KlingPS.Text;

namespace KlingPS.Commands.Base;

/// <summary>A command that buys videos.</summary>
public abstract class VideoRequestCommand : VideoCommand
{
    private bool _hasWarnedOfHttp;

    /// <summary>Where the service posts the result; http or https.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("CallBackUrl")]
    public string? CallbackUri { get; set; }

    /// <summary>Leaves out images whose content has changed since a video with the same settings was bought from them.</summary>
    [Parameter]
    public SwitchParameter SkipChanged { get; set; }

    /// <summary>The most credits that this command may spend; anything beyond that is not bought.</summary>
    [Parameter]
    [DecimalNumber]
    [ValidateRange(0, int.MaxValue)]
    public decimal? MaxCredits { get; set; }

    /// <summary>The most tasks that this command may buy.</summary>
    [Parameter]
    [WholeNumber]
    [ValidateRange(0, int.MaxValue)]
    public int? MaxTasks { get; set; }

    /// <summary>The file that events are appended to, as JSON lines; the configured one, else none, when it is left out.</summary>
    [Parameter]
    [NotBlank]
    public string? LogPath { get; set; }

    /// <inheritdoc/>
    private protected override bool HasLog => true;

    /// <inheritdoc/>
    private protected override string? GivenLogPath => LogPath;

    /// <inheritdoc/>
    private protected override string NothingDone => " Nothing was bought.";

    /// <inheritdoc/>
    private protected override string AdviseOnInput(string taken)
    {
        bool hasNext = MyInvocation.BoundParameters.TryGetValue("Prompt", out object? next);
        bool hasDestination = MyInvocation.MyCommand.Parameters.ContainsKey("Destination");
        string advice = hasNext && hasDestination && !MyInvocation.BoundParameters.ContainsKey("Destination") ? $"-Prompt {Quote(taken)} -Destination {Quote(next)}"
            : hasNext ? string.Empty
            : $"-Prompt {Quote(taken)}";
        return advice.Length == 0
            ? "Leave -Path out. Nothing was bought."
            : $"If it is the prompt, name the parameter: … | {MyInvocation.MyCommand.Name} {advice}. Nothing was bought.";
    }

    private static string Quote(object? text) => $"'{CodeGeneration.EscapeSingleQuotedStringContent(Convert.ToString(text, CultureInfo.InvariantCulture))}'";

    /// <summary>The submission of one video, from the parameters as they are bound now.</summary>
    /// <param name="image">Its image; <see langword="null"/> if it has none.</param>
    /// <param name="prompt">What happens in it.</param>
    /// <exception cref="Core.KlingException">A path is not one of the file system.</exception>
    private protected Submission ToSubmission(MediaSource? image, string prompt) => new()
    {
        Spec = ToSpec(image, prompt) with { CallbackUri = FindCallback() },
        SkipChanged = SkipChanged,
        AnotherOf = ChosenTask,
        RunId = RunId,
        Budget = MaxCredits is null && MaxTasks is null ? null : new BudgetLimit { RunId = RunId, MaxCredits = MaxCredits, MaxTasks = MaxTasks },
    };

    /// <summary>Keeps this run within what the account has left.</summary>
    private protected BalanceWatch CreateBalanceWatch() => new(Context.Service, new BudgetLimit { MaxCredits = MaxCredits, MaxTasks = MaxTasks });

    /// <summary>Warns that the account did not have enough for what would be bought, if its balance was queried in this session. Sends nothing.</summary>
    private protected void WarnOfBalance(decimal credits)
    {
        if (SubmissionText.DescribeShortage(Math.Min(credits, MaxCredits ?? credits), Connection.Session?.LastBalance) is string shortage)
        {
            WriteWarning(shortage);
        }
    }

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
}

using KlingPS.Core;
using KlingPS.Core.Converting;
using KlingPS.Core.Model;
using KlingPS.Core.Saving;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Hosting;
using KlingPS.Text;

namespace KlingPS.Commands;

/// <summary>What <see cref="ConvertToKlingVideoCommand"/> does with its images: says what would be done, feeds them, shows progress and sums up.</summary>
/// <remarks>Everything but <see cref="Unfinished"/> and <see cref="UnderWay"/> runs on the pipeline thread.</remarks>
internal sealed class ConversionRun : IDisposable
{
    private readonly ICommandHost _host;
    private readonly ConversionRunOptions _options;
    private VideoConverter? _converter;
    private ConversionPlanTotals _plan = new();
    private int _isRefreshAsked;
    private int _refused;

    /// <summary>Creates the run. Nothing is read yet.</summary>
    /// <param name="host">The command.</param>
    /// <param name="options">How it runs.</param>
    /// <param name="emit">Writes a video.</param>
    public ConversionRun(ICommandHost host, ConversionRunOptions options, Action<SavedVideo> emit)
    {
        _host = host;
        _options = options;
        Batch = new Batch<ConversionItem, SavedVideo>(host, CreateStage)
        {
            ShowProgress = ShowProgress,
            Emit = emit,
            Target = outcome => outcome.Item.Submission.Subject,

            // What is paid for is still fetched after an error that ends the buying.
            KeepsFatal = true,
            SaveParameters = UnfinishedWork.Parameters(options.Save),
        };
    }

    /// <summary>The images.</summary>
    public Batch<ConversionItem, SavedVideo> Batch { get; }

    /// <summary>What has become of the images; or what would become of them, when the command only says what it would do.</summary>
    public object Summary => _options.IsWhatIf ? _plan : ConversionSummary.From(_converter?.Counts ?? new ConversionCounts(), _refused);

    /// <summary>Takes an image into the batch, unless it cannot be converted, is in it already, or the user does not want it.</summary>
    /// <param name="subject">The image, or what the video is called.</param>
    /// <param name="createSubmission">Makes its submission from the parameters as they are bound now.</param>
    /// <exception cref="KlingException">No image can be converted: there is no key, or no ledger.</exception>
    public void Convert(string? subject, Func<Submission> createSubmission)
    {
        VideoConverter converter = GetConverter();
        ConversionItem? item;
        try
        {
            item = converter.Accept(createSubmission());
            if (item is null)
            {
                _host.WriteVerbose($"'{subject}' came before with the same parameters; it is converted once.");
            }
            else if (_options.Ask is not null && !IsWanted(converter, item, _options.Ask))
            {
                item = null;
            }
        }
        catch (Exception exception) when (Failures.IsError(exception))
        {
            Refuse(UnexpectedError.From(exception, $"'{subject}'"), subject);
            return;
        }

        if (item is not null)
        {
            Batch.Feed(item);
        }
    }

    /// <summary>Reports an image that does not get into the batch.</summary>
    public void Refuse(KlingException exception, object? target)
    {
        _refused++;
        _plan = _plan with { Failed = _plan.Failed + 1 };
        _host.WriteError(exception, target);
    }

    /// <summary>Ends the command with the first fatal error, if there was one.</summary>
    public void ThrowIfFatal()
    {
        if (Batch.Fatal is not [var first, ..] fatal)
        {
            return;
        }

        // Only one error can end the command, but a user who mends that one should know of the others.
        foreach (var others in fatal.GroupBy(outcome => outcome.Error!.Kind).Where(others => others.Key != first.Error!.Kind))
        {
            _host.WriteError(others.First().Error!, SubjectsOf(others));
        }

        _host.ThrowTerminatingError(ConversionText.CreateEnding(fatal), SubjectsOf(fatal));
    }

    /// <summary>The tasks that are paid for and whose video is not on disk.</summary>
    public IReadOnlyList<KlingVideoTask> Unfinished => _converter?.Unfinished ?? [];

    /// <summary>How many requests for videos have left and have no response.</summary>
    public int UnderWay => _converter?.UnderWay ?? 0;

    /// <inheritdoc/>
    public void Dispose() => _converter?.Dispose();

    private ConcurrentStage<ConversionItem, Outcome<ConversionItem, SavedVideo>> CreateStage()
    {
        DestinationFolder.RequireWritable(_options.Save.Destination);
        return new(GetConverter().ConvertAsync, int.MaxValue);
    }

    private VideoConverter GetConverter()
    {
        if (_converter is null)
        {
            _converter = _options.CreateConverter();
            _converter.Changed += AskForRefresh;
        }

        return _converter;
    }

    /// <summary>Says what would be done, and asks whether to.</summary>
    private bool IsWanted(VideoConverter converter, ConversionItem item, Func<string, bool> ask)
    {
        ConversionPlan plan = _host.Bridge.Run(token => converter.PlanAsync(item, _options.IsWhatIf, token));
        if (!_options.IsWhatIf && plan.Step != ConversionStep.Buy)
        {
            return true;
        }

        bool isWithinBudget = true;
        if (_options.IsWhatIf)
        {
            (_plan, isWithinBudget) = _plan.Add(plan, _options.MaxCredits, _options.MaxTasks);
        }

        bool isWanted = ask(ConversionText.DescribePlan(plan, isWithinBudget));
        if (!isWanted && !(_options.IsWhatIf && isWithinBudget))
        {
            converter.Decline(plan);
        }

        return isWanted;
    }

    /// <summary>Some image has moved on; called on any thread.</summary>
    private void AskForRefresh()
    {
        if (Interlocked.Exchange(ref _isRefreshAsked, 1) == 0)
        {
            _host.Post(Batch.Refresh);
        }
    }

    private void ShowProgress()
    {
        Volatile.Write(ref _isRefreshAsked, 0);
        if (_converter is not null)
        {
            ConversionCounts counts = _converter.Counts;
            _host.Progress.Show(ConversionText.DescribeProgress(counts, _refused), counts.Done * 100 / Math.Max(counts.Total, 1), _converter.EstimateRemaining());
        }
    }

    private static string[] SubjectsOf(IEnumerable<Outcome<ConversionItem, SavedVideo>> outcomes) => [.. outcomes.Select(outcome => outcome.Item.Submission.Subject)];
}

/// <summary>How <see cref="ConversionRun"/> runs.</summary>
internal sealed record ConversionRunOptions
{
    /// <summary>Creates the converter when the first image needs it.</summary>
    public required Func<VideoConverter> CreateConverter { get; init; }

    /// <summary>Where the videos go.</summary>
    public required SaveOptions Save { get; init; }

    /// <summary>Whether the command only says what it would do.</summary>
    public bool IsWhatIf { get; init; }

    /// <summary>Says what would be done for an image, and asks whether to; <see langword="null"/> to do it without asking.</summary>
    public Func<string, bool>? Ask { get; init; }

    /// <summary>The most credits the command may spend.</summary>
    public decimal? MaxCredits { get; init; }

    /// <summary>The most tasks the command may buy.</summary>
    public int? MaxTasks { get; init; }
}

using KlingPS.Core;
using KlingPS.Core.Converting;
using KlingPS.Core.Model;
using KlingPS.Core.Reporting;
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
    private readonly PlanBudget _budget;
    private readonly Dictionary<ConversionItem, ConversionInput> _inputs = new(ReferenceEqualityComparer.Instance);
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
        _budget = new PlanBudget(new BudgetLimit { MaxCredits = options.MaxCredits, MaxTasks = options.MaxTasks });
        Batch = new Batch<ConversionItem, SavedVideo>(host, CreateStage)
        {
            Describe = Describe,
            Emit = emit,
            Target = outcome => outcome.Item.Submission.Subject,
            Ended = Note,
            Finishing = images => _converter?.CompleteInput(images),

            // What is paid for is still fetched after an error that ends the buying.
            KeepsFatal = true,
            Ending = fatal => ConversionText.CreateEnding(fatal, Batch!.Counts.Done),
            SaveParameters = UnfinishedWork.Parameters(options.Save),
        };
    }

    /// <summary>The images.</summary>
    public Batch<ConversionItem, SavedVideo> Batch { get; }

    /// <summary>Where the videos go.</summary>
    public SaveOptions Save => _options.Save;

    /// <summary>Closes the run: makes its summary and its report, and records both.</summary>
    /// <param name="ending">Why it ended.</param>
    /// <param name="error">The error that ended it.</param>
    /// <returns>The summary; <see langword="null"/> if the run had been closed already.</returns>
    public ConversionSummary? Close(RunEnding ending, KlingException? error)
    {
        ConversionSummary? summary = _options.Book.Close(ending, error, _converter);
        if (summary is not null && _converter is not null)
        {
            Task recorded = _converter.Runs.EndAsync(summary, ending == RunEnding.Complete);
            if (!_host.StopToken.IsCancellationRequested)
            {
                _host.Bridge.Run(_ => recorded);
            }
        }

        return summary;
    }

    /// <summary>Takes an image into the batch, unless it cannot be converted, is in it already, or the user declines.</summary>
    /// <param name="path">The image.</param>
    /// <param name="name">The name of the video if there is no image.</param>
    /// <param name="createSubmission">Makes its submission from the parameters as they are bound now.</param>
    /// <exception cref="KlingException">No image can be converted: there is no key, or no ledger.</exception>
    public void Convert(string? path, string? name, Func<Submission> createSubmission)
    {
        ConversionInput input = _options.Book.Add(path, name);
        string? subject = path ?? name;
        VideoConverter converter = GetConverter();
        ConversionItem? item;
        try
        {
            input.Asked = createSubmission();
            item = converter.Accept(input.Asked);
            if (item is null)
            {
                _host.WriteVerbose($"'{subject}' came before with the same parameters; it is converted once.");
                _options.Book.RemoveLast();
            }
            else if (_options.Ask is not null && !IsWanted(converter, item, input, _options.Ask))
            {
                VideoConverter.Leave(item);
                item = null;
                input.IsDeclined = true;
            }
        }
        catch (Exception exception) when (Failures.IsError(exception))
        {
            Refuse(input, UnexpectedError.From(exception, $"'{subject}'"), subject);
            return;
        }

        if (item is not null)
        {
            input.Item = item;
            input.Asked = null;
            _inputs.Add(item, input);
            Batch.Feed(item);
        }
    }

    /// <summary>Takes an input of a plan into the batch, or reports what the plan says about it.</summary>
    /// <param name="planned">The input.</param>
    /// <param name="createSubmission">Makes its submission.</param>
    /// <exception cref="KlingException">As <see cref="Convert(string?, string?, Func{Submission})"/>.</exception>
    public void Convert(PlanItem planned, Func<PlanRequest, Submission> createSubmission)
    {
        if (planned is { IsDone: true, Request: PlanRequest request })
        {
            Convert(planned.Path, planned.Name ?? planned.Subject, () => createSubmission(request));
            return;
        }

        // It keeps its place, so that the names of the others are those of the plan.
        if (planned.Request is not null && GetConverter().Accept(createSubmission(planned.Request)) is ConversionItem item)
        {
            VideoConverter.Leave(item);
        }

        Refuse(_options.Book.Add(planned.Path, planned.Name), AgreedPlan.CreateLeftOut(planned), planned.Subject);
    }

    /// <summary>Reports a name that does not lead to an image.</summary>
    public void Refuse(KlingException exception, object? target) => Refuse(_options.Book.Add(target?.ToString(), name: null), exception, target);

    /// <summary>Refuses an input.</summary>
    /// <param name="input">The input.</param>
    /// <param name="exception">What is wrong with it.</param>
    /// <param name="target">What the error is about.</param>
    /// <param name="isTold">Whether the error is written: one that many share is reported only once.</param>
    public void Refuse(ConversionInput input, KlingException exception, object? target, bool isTold = true)
    {
        _refused++;
        input.Error = exception;
        if (isTold)
        {
            _host.WriteError(exception, target);
        }
    }

    /// <summary>Called when an image comes out of the batch.</summary>
    private void Note(Outcome<ConversionItem, SavedVideo> outcome)
    {
        if (_inputs.Remove(outcome.Item, out ConversionInput? input))
        {
            _options.Book.End(input, outcome);
        }

        if (outcome.Error is { IsFatal: true } error)
        {
            // Of the errors that end the batch, only one is written.
            _host.LogError(error, outcome.Item.Submission.Subject);
        }
    }

    /// <summary>The tasks that are paid for and whose video is not on disk.</summary>
    public IReadOnlyList<KlingVideoTask> Unfinished => _converter?.Unfinished ?? [];

    /// <summary>How many requests for videos have left and have no response yet.</summary>
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
            if (!_options.IsWhatIf)
            {
                _host.Bridge.Run(token => _converter.Runs.BeginAsync(_options.RunId, _options.Command, token));
            }
        }

        return _converter;
    }

    /// <summary>Says what would be done, and asks whether to do it.</summary>
    private bool IsWanted(VideoConverter converter, ConversionItem item, ConversionInput input, Func<string, bool> ask)
    {
        ConversionPlan plan = _host.Bridge.Run(token => converter.Planner.PlanAsync(item, _options.IsWhatIf, token));
        input.Plan = plan;
        if (!_options.IsWhatIf && plan.Step != ConversionStep.Buy)
        {
            return true;
        }

        bool isWithinBudget = true;
        if (_options.IsWhatIf)
        {
            isWithinBudget = _budget.TryAdd(plan);
            input.IsWithinBudget = isWithinBudget;
        }

        bool isWanted = ask(ConversionText.DescribePlan(plan, isWithinBudget));
        if (!isWanted && !(_options.IsWhatIf && isWithinBudget))
        {
            converter.Planner.Decline(plan);
        }

        return isWanted;
    }

    /// <summary>Called on any thread when an image has moved on. Until the next drawing, once is enough.</summary>
    private void AskForRefresh()
    {
        if (Interlocked.Exchange(ref _isRefreshAsked, 1) == 0)
        {
            _host.Post(Batch.Refresh);
        }
    }

    private ProgressStatus Describe()
    {
        Volatile.Write(ref _isRefreshAsked, 0);
        ConversionCounts counts = _converter?.Counts ?? new ConversionCounts();
        return new ProgressStatus(
            ConversionText.DescribeProgress(counts, _refused, _host.Progress.Room), counts.Done * 100 / Math.Max(counts.Total, 1), _converter?.EstimateRemaining());
    }
}

/// <summary>How <see cref="ConversionRun"/> runs.</summary>
internal sealed record ConversionRunOptions
{
    /// <summary>The id of the run.</summary>
    public required string RunId { get; init; }

    /// <summary>The command.</summary>
    public required string Command { get; init; }

    /// <summary>Keeps the inputs and their results.</summary>
    public required ConversionBook Book { get; init; }

    /// <summary>Creates the converter when the first image needs it.</summary>
    public required Func<VideoConverter> CreateConverter { get; init; }

    /// <summary>Where the videos go.</summary>
    public required SaveOptions Save { get; init; }

    /// <summary>Whether the command only says, or writes down, what it would do.</summary>
    public bool IsWhatIf { get; init; }

    /// <summary>Says what would be done for an image, and asks whether to; <see langword="null"/> to do it without asking.</summary>
    public Func<string, bool>? Ask { get; init; }

    /// <summary>The most credits the command may spend.</summary>
    public decimal? MaxCredits { get; init; }

    /// <summary>The most tasks the command may buy.</summary>
    public int? MaxTasks { get; init; }
}

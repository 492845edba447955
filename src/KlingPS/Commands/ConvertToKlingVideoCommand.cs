using System.Collections;
using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Converting;
using KlingPS.Core.Files;
using KlingPS.Core.Gallery;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Network;
using KlingPS.Core.Reporting;
using KlingPS.Core.Saving;
using KlingPS.Core.Sessions;
using KlingPS.Core.Submitting;
using KlingPS.Display;
using KlingPS.Hosting;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Turns images, or prompts alone, into videos on disk. Run again, it does only what is missing; no video is bought twice.</summary>
[Cmdlet(VerbsData.ConvertTo, "KlingVideo", SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class ConvertToKlingVideoCommand : VideoRequestCommand
{
    private static readonly string[] s_tags = ["PSHOST", "KlingPS"];
    private const string NeverBegan =
        "The run never began: PowerShell refused the parameters of the command, or another command of the pipeline ended before it. The error that was shown says why.";

    /// <summary>A day, in seconds.</summary>
    private const double DefaultLifetime = 86_400;

    /// <summary>The parameters that say what to make.</summary>
    private static readonly string[] s_requestParameters =
    [
        nameof(Path), nameof(LiteralPath), nameof(Prompt), nameof(PromptFromSidecar), nameof(Take), nameof(NegativePrompt), nameof(Duration), nameof(AspectRatio),
        nameof(Resolution), nameof(Sound), nameof(CfgScale), nameof(TailImagePath), nameof(TailImageUri), nameof(ReferenceImagePath), nameof(ReferenceImageUri),
        nameof(VideoPath), nameof(VideoUri), nameof(AudioPath), nameof(AudioUri), nameof(CharacterOrientation), nameof(Model), nameof(Name), nameof(CallbackUri),
    ];

    private ConversionBook? _book;
    private ConversionRun? _run;
    private RefusedRows? _rows;
    private string? _reportTrouble;
    private bool _hasInput;
    private string? _planPath;
    private RunReport? _facts;
    private AgreedPlan? _plan;

    /// <summary>What happens in the videos: 1 to 2500 characters.</summary>
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [AllowEmptyString]
    [PlainText]
    public string? Prompt { get; set; }

    /// <summary>Takes each prompt from the text file beside the image: fox.png.txt, or fox.txt. -Prompt is for images that have none.</summary>
    [Parameter]
    public SwitchParameter PromptFromSidecar { get; set; }

    /// <summary>The folder the videos go to; created when it is missing. The configured one, else the current folder, when it is left out.</summary>
    [Parameter(Position = 2)]
    [NotBlank]
    public string? Destination { get; set; }

    /// <summary>What the files are called, with tokens such as {BaseName}, {Index:000} and {Date:yyyyMMdd}.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(NameTemplateCompleter))]
    [ValidateNotNull]
    public string NameTemplate { get; set; } = Core.Saving.NameTemplate.DefaultText;

    /// <summary>Which of several deliberate variants of the same video to make, from 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [WholeNumber]
    [RangeIfGiven(1, 1_000_000)]
    public int? Take { get; set; }

    /// <summary>The most tasks to have at the service at the same time; the service's own limits alone when it is left out.</summary>
    [Parameter]
    [WholeNumber]
    [ValidateRange(1, 100_000)]
    public int? ThrottleLimit { get; set; }

    /// <summary>
    /// How long the command may take, as seconds or as a time span, from its first image on; without end when it is left out. 0 submits
    /// the images and waits for no video.
    /// </summary>
    [Parameter]
    [Seconds]
    [ValidateRange(0.0, 10_000_000.0)]
    public double? Timeout { get; set; }

    /// <summary>The time between two polls of a task, in seconds; the configured one, else planned from experience, when it is left out.</summary>
    [Parameter]
    [Seconds]
    [ValidateRange(0.1, 3600.0)]
    public double? PollingInterval { get; set; }

    /// <summary>Writes a sidecar beside each video, a JSON file that says what it was made from: fox.mp4.json for fox.mp4.</summary>
    [Parameter]
    public SwitchParameter Sidecar { get; set; }

    /// <summary>Buys a video again that the service failed to make in an earlier run.</summary>
    [Parameter]
    public SwitchParameter RetryFailed { get; set; }

    /// <summary>Buys with this account also what another account, or another ledger, has bought already.</summary>
    [Parameter]
    public SwitchParameter AllowRepurchase { get; set; }

    /// <summary>
    /// The file of the run's report, in JSON; the configured one, else none, when it is left out. {Date} and {RunId} stand for when the
    /// run began and for its id.
    /// </summary>
    [Parameter]
    [NotBlank]
    public string? ReportPath { get; set; }

    /// <summary>The file that the plan is written to: all that the command would do, image by image, with what it would cost. Nothing is sent.</summary>
    [Parameter]
    [NotBlank]
    public string? PlanPath { get; set; }

    /// <summary>How long the plan is valid from when it is made, as seconds or as a time span: 24 hours when it is left out, 30 days at most.</summary>
    [Parameter]
    [Seconds]
    [ValidateRange(1.0, 2_592_000.0)]
    public double? PlanLifetime { get; set; }

    /// <summary>The plan to carry out, as -PlanPath has written it: nothing is bought that is not in it. Once only.</summary>
    [Parameter]
    [NotBlank]
    public string? Plan { get; set; }

    /// <summary>Overwrites files that are in the way, and retries failed tasks. Buys nothing twice.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    private protected override double? TimeLimit => Timeout;

    /// <inheritdoc/>
    private protected override string ProgressActivity => "Making videos";

    /// <inheritdoc/>
    private protected override void OnStarting()
    {
        // First of all, so that the report and the summary also cover whatever keeps the run from beginning; even if there can be no report.
        _book = new ConversionBook(RunId, report: null);
        if (!IsOnlyPlanned && CreateReport() is RunReportFile report)
        {
            _book = new ConversionBook(RunId, report);
            BeforeAnything(() => _reportTrouble = _book.Begin());
        }
    }

    /// <inheritdoc/>
    private protected override void OnNeverBegun()
    {
        if (IsOnlyPlanned || CreateReport() is not RunReportFile report)
        {
            return;
        }

        var book = new ConversionBook(RunId, report);
        book.Begin();
        book.Close(RunEnding.Error, new KlingException(ErrorKind.RequestInvalid, NeverBegan), converter: null);
        if (book.Trouble is string trouble)
        {
            Tell(trouble);
        }
    }

    /// <inheritdoc/>
    private protected override void CheckParameters()
    {
        if (_reportTrouble is not null)
        {
            WriteWarning(_reportTrouble);
        }

        base.CheckParameters();
        CheckPlan();
    }

    /// <inheritdoc/>
    private protected override void OnBegin()
    {
        _rows = new RefusedRows(MyInvocation, SessionState.PSVariable.GetValue("global:Error") as IEnumerable, () => CurrentRow, OnRowRefused);
        RefusedInput.Listen(_rows.OnRefused);
        PlanDocument? document = OpenPlan();
        SaveOptions save = GetSaveOptions(document?.Destination is string folder ? WildcardPattern.Escape(folder) : Destination, document?.NameTemplate ?? NameTemplate, Force || document?.Choices.Force == true);
        CommonParameters common = Context.Shell.Common;
        var files = VideoFiles.Of(() => InvokeProvider.Item);
        _run = new ConversionRun(
            this,
            new ConversionRunOptions
            {
                RunId = RunId,
                Command = MyInvocation.MyCommand.Name,
                Book = _book!,
                CreateConverter = () => CreateConverter(save),
                Save = save,
                IsWhatIf = IsOnlyPlanned,
                Ask = IsWritingPlan ? static _ => false
                    : common.IsWhatIf || common.IsConfirmed ? text => ShouldProcess(text, text, "Confirm")
                    : null,
                MaxCredits = MaxCredits,
                MaxTasks = MaxTasks,
            },
            video => WriteObject(files.From(video)));
        Use(_run.Batch);
        Own(_run);
        Unfinished.IsConversion = true;
        Unfinished.Save = save;
        Unfinished.Unfinished = () => _run.Unfinished;
        Unfinished.UnderWay = () => _run.UnderWay;
    }

    /// <inheritdoc/>
    private protected override void RefuseRow(PSObject row, KlingException error, bool isNews)
    {
        _rows!.OnProcess(row);
        ConversionInput input = _book!.Add(path: null, VisibleText.InLine(row.ToString(), RefusedInput.LongestMessage));
        _run!.Refuse(input, error, row, isNews);
    }

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        _rows!.OnProcess(CurrentRow);
        if (IsPlanAlone)
        {
            _hasInput = true;
            foreach (PlanItem planned in _plan!.Document.Items)
            {
                _run!.Convert(planned, CreatePlannedSubmission);
            }

            return;
        }

        bool lacksPrompt = Prompt is null && !PromptFromSidecar && !_hasInput && !IsNothing && !GetModel().IsPromptOptional;
        if (Plan is not null && HasNoImagePath && !MyInvocation.ExpectingInput && (lacksPrompt || GetModel().NeedsImage))
        {
            string given = string.Join(", ", s_requestParameters.Where(IsGiven).Select(name => $"-{name}"));
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"The plan itself says which images are meant. Leave {given} out; or give the images, too, and whatever else the plan was made with. Nothing was bought.");
        }

        if (lacksPrompt)
        {
            throw new KlingException(ErrorKind.RequestInvalid, Plan is not null
                ? "The plan itself says which images are meant. Leave the images out, or give the prompt and the other parameters as well that the plan was made with. Nothing was bought."
                : "There is no prompt. Say with -Prompt what happens in the videos, or use -PromptFromSidecar with a text file beside each image. Nothing was bought.");
        }

        // Nothing at all does not say whether the input has prompts.
        _hasInput |= !IsNothing;
        if (ChosenImageUri is string uri)
        {
            _run!.Refuse(
                new KlingException(ErrorKind.RequestInvalid, $"Nothing was bought for '{AddressPolicy.MaskUser(uri)}': it is an address, and ConvertTo-KlingVideo makes videos of files.")
                {
                    Advice = ChosenTask is KlingVideoTask task && CommandLine.Make(task.Spec, null, take: 1, Destination) is CardCommand again
                        ? $"This makes another take of it, and buys one each time it is run: {again.With(task.Spec.Prompt)}"
                        : "Pipe the task to New-KlingVideoTask, which takes addresses, and on to Wait-KlingVideoTask and Save-KlingVideo. It has no takes: it buys a video each time it is run.",
                },
                CurrentRow);
            return;
        }

        if (HasNoImagePath && CurrentRow?.BaseObject is KlingVideoTask recorded && GetModel().NeedsImage)
        {
            // The task does not say which of its takes is meant, or whether to fetch or make it.
            _run!.Refuse(
                new KlingException(ErrorKind.RequestInvalid, $"Nothing was bought for '{recorded.Subject}': this is task {recorded.Id}, and ConvertTo-KlingVideo takes images, not tasks.")
                {
                    Advice = $"To get the video of the task: Get-KlingVideoTask -Id {recorded.Id} | Wait-KlingVideoTask | Save-KlingVideo."
                        + (CommandLine.Make(recorded.Spec, null, recorded.Take, Destination) is CardCommand same ? $" To have it made from its image where it is not bought yet: {same.With(recorded.Spec.Prompt)}" : string.Empty),
                },
                CurrentRow);
            return;
        }

        if (HasNoImagePath)
        {
            _run!.Convert(path: null, Name ?? Prompt, () => CreateSubmission(null));
            return;
        }

        foreach (string path in ResolveImagePaths(_run!.Refuse))
        {
            _run.Convert(path, name: null, () => CreateSubmission(MediaSource.FromFile(path)));
        }
    }

    /// <inheritdoc/>
    private protected override void OnEnd()
    {
        FinishRows();
        _book!.IsInputComplete = true;
        if (!_hasInput && _book.IsEmpty && !Unfinished.HasErrors)
        {
            WriteError(new KlingException(ErrorKind.PathNotFound, "No images came through the pipeline, so there is nothing to do."), null);
        }

        if (IsWritingPlan)
        {
            if (!_book.IsEmpty)
            {
                WritePlan();
            }
        }
        else if (!Context.Shell.Common.IsWhatIf)
        {
            _run!.Batch.ThrowIfFatal();
            if (FindUntoldLoss() is KlingException lost)
            {
                ThrowTerminatingError(lost, null);
            }

            WriteSummary(_run.Close(RunEnding.Complete, error: null));
        }
        else if (_hasInput || !_book.IsEmpty)
        {
            WritePlanTotals(PlanTotals.Of(_book.ToPlanItems()));
        }
    }

    /// <inheritdoc/>
    private protected override void OnClosing(KlingException? error)
    {
        FinishRows();
        if (_book is null || IsOnlyPlanned)
        {
            return;
        }

        RunEnding ending = error is null ? RunEnding.Stopped : RunEnding.Error;
        if ((_run is null ? _book.Close(ending, error, converter: null) : _run.Close(ending, error)) is ConversionSummary summary)
        {
            // A pipeline that is being stopped no longer has streams.
            if (error is not null)
            {
                WriteSummary(summary);
            }
            else if (_book.Trouble is string trouble)
            {
                Tell(trouble);
            }
        }
    }

    /// <summary>Whether the command only says, or writes down, what it would do.</summary>
    private bool IsOnlyPlanned => Context.Shell.Common.IsWhatIf || PlanPath is not null;

    /// <summary>Whether a plan is written; with -WhatIf, it is only shown.</summary>
    private bool IsWritingPlan => PlanPath is not null && !Context.Shell.Common.IsWhatIf;

    /// <summary>Whether the plan itself says what to make.</summary>
    private bool IsPlanAlone => Plan is not null && !MyInvocation.ExpectingInput && !Array.Exists(s_requestParameters, IsGiven);

    /// <summary>Refuses parameters that do not go with a plan, and a path that a plan cannot have.</summary>
    private void CheckPlan()
    {
        if (Plan is not null && PlanPath is not null)
        {
            throw Usages.Conflict([nameof(Plan), nameof(PlanPath)], MyInvocation.MyCommand.Name);
        }

        if (PlanLifetime is not null && PlanPath is null)
        {
            throw new KlingException(ErrorKind.RequestInvalid, "-PlanLifetime says how long the plan of -PlanPath holds. Give both, or leave it out. Nothing was bought.");
        }

        if (PlanPath is not null)
        {
            // What comes through the pipeline is not bound yet.
            _facts = RunFacts.Begin(RunId, MyInvocation, DateTimeOffset.UtcNow);
            _planPath = Context.Shell.Paths.GetLiteralPath(PlanPath);
            Context.RequireNotKept(_planPath);
            PlanFile.RequireReplaceable(_planPath);
        }
    }

    /// <summary>Opens the plan that is to be carried out.</summary>
    private PlanDocument? OpenPlan()
    {
        if (Plan is null)
        {
            return null;
        }

        string path = Context.Shell.Paths.GetLiteralPath(Plan);
        PlanDocument document = PlanFile.Read(path);
        if (Destination is not null && !Place.IsSame(GetFullPath(Destination), document.Destination))
        {
            throw new KlingException(ErrorKind.PlanUnusable, $"Nothing was bought: the plan '{path}' puts the videos into '{document.Destination}', and -Destination says '{GetFullPath(Destination)}'. Leave -Destination out.");
        }

        if (IsGiven(nameof(NameTemplate)) && NameTemplate != document.NameTemplate)
        {
            throw new KlingException(ErrorKind.PlanUnusable, $"Nothing was bought: the plan '{path}' names the videos by '{document.NameTemplate}', and -NameTemplate says '{NameTemplate}'. Leave -NameTemplate out.");
        }

        KlingSession session = Context.Service.Session;
        RunRecord? run = Context.Shell.Common.IsWhatIf ? null : new RunRecord(RunId, session.Account, MyInvocation.MyCommand.Name, session.TimeProvider.GetUtcNow());
        _plan = Await(token => AgreedPlan.OpenAsync(path, document, session, run, IsPlanAlone, token));
        return document;
    }

    /// <summary>Writes down what would be done, and records the plan in the ledger.</summary>
    private void WritePlan()
    {
        KlingSession session = Context.Service.Session;
        IReadOnlyList<PlanItem> items = _book!.ToPlanItems();
        DateTimeOffset now = Await(session.Ledger.Tasks.ReadClockAsync);
        var plan = new PlanDocument
        {
            PlanId = RunId,
            CreatedAt = now,
            EndsAt = now + TimeSpan.FromSeconds(PlanLifetime ?? DefaultLifetime),
            Versions = _facts!.Versions,
            Machine = _facts.Machine,
            Account = new RunAccount(session.Fingerprint, session.Endpoints.Api.ToString(), session.IsSandbox),
            Ledger = session.Ledger.Location,
            Limits = new PlanLimits(MaxCredits, MaxTasks, session.DailyCreditCap),
            Destination = _run!.Save.Destination,
            NameTemplate = NameTemplate,
            Choices = new PlanChoices(Sidecar, RetryFailed, AllowRepurchase, SkipChanged, Force),
            Parameters = _facts.Parameters,
            Totals = PlanTotals.Of(items),
            Items = items,
            Digest = string.Empty,
        };
        plan = PlanFile.Seal(plan, text => session.Key.TryRedact(text) ?? text);
        Await(token => session.Ledger.Plans.AddAsync(new PlanRecord(plan.PlanId, session.Account, plan.Digest, plan.CreatedAt, plan.EndsAt), token));
        PlanFile.Write(_planPath!, plan);
        WritePlanTotals(plan.Totals);
        WriteObject(InvokeProvider.Item.Get([_planPath!], force: true, literalPath: true).FirstOrDefault());
    }

    private void WritePlanTotals(PlanTotals totals)
    {
        WriteInformation(ConversionPlanTotals.From(totals), s_tags);
        WarnOfBalance(totals.Credits);
    }

    /// <summary>Passes the summary to the variable that asks for it; otherwise shows it, unless the error that follows says it all.</summary>
    private void WriteSummary(ConversionSummary? summary)
    {
        if (_book!.Trouble is string trouble)
        {
            WriteWarning(trouble);
        }

        bool isForScript = MyInvocation.BoundParameters.ContainsKey("InformationVariable") || summary?.Ended == RunOutcome.CouldNotBegin;
        WriteInformation(summary, isForScript ? ["KlingPS"] : s_tags);
    }

    /// <summary>Takes note of the rows that could not be bound.</summary>
    private void FinishRows()
    {
        if (_rows is RefusedRows rows)
        {
            _rows = null;
            RefusedInput.StopListening(rows.OnRefused);
            rows.Finish();
        }
    }

    private void OnRowRefused(PSObject row, string reason)
    {
        string? path = PathColumns.Select(column => row.Properties[column]?.Value?.ToString()).FirstOrDefault(text => !string.IsNullOrWhiteSpace(text))
            ?? (row.BaseObject is string text ? text : null);
        _book!.Add(path, VisibleText.InLine(row.ToString(), RefusedInput.LongestMessage)).Error = new KlingException(ErrorKind.RequestInvalid, reason);
        LogError(new KlingException(ErrorKind.RequestInvalid, reason), path);
    }

    private RunReportFile? CreateReport()
    {
        if (ReportPath is null && Context.Settings.Current.ReportPath is null)
        {
            return null;
        }

        RunReport begun = RunFacts.Begin(RunId, MyInvocation, DateTimeOffset.UtcNow);
        string path = Context.Shell.Paths.GetLiteralPath(RunReportFile.Expand(ReportPath ?? Context.Settings.Current.ReportPath!, RunId, begun.Begin));
        if (HasSettings())
        {
            BeforeAnything(() => Context.RequireNotKept(path));
        }

        return new RunReportFile(
            path,
            begun,
            () => Context.PresentSession?.Ledger.Location,
            Context.Redact,
            TimeProvider.System)
        {
            AddAccount = report => Context.PresentSession is not KlingSession session ? report : report with
            {
                Account = new RunAccount(session.Fingerprint, session.Endpoints.Api.ToString(), session.IsSandbox),
                Ledger = session.Ledger.Location,
                Plan = _plan is null ? null : new RunPlan(_plan.Document.PlanId, _plan.Path, _plan.Document.Digest),
            },
        };
    }

    /// <summary>Whether the configuration can be read. If not, the command ends with that error, and its report replaces nothing but a report.</summary>
    private bool HasSettings()
    {
        try
        {
            _ = Context.Settings.Current;
            return true;
        }
        catch (KlingException)
        {
            return false;
        }
    }

    private Submission CreateSubmission(MediaSource? image)
    {
        Submission submission = ToSubmission(image, Prompt ?? string.Empty);
        return submission with { Spec = submission.Spec with { Take = Take ?? 1 }, AllowRepurchase = AllowRepurchase, RetryFailed = RetryFailed || Force };
    }

    private Submission CreatePlannedSubmission(PlanRequest request)
    {
        PlanChoices choices = _plan!.Document.Choices;
        Submission submission = CreateSubmission(null);
        return submission with
        {
            Spec = request.ToSpec(),
            AllowRepurchase = submission.AllowRepurchase || choices.AllowRepurchase,
            RetryFailed = submission.RetryFailed || choices.RetryFailed || choices.Force,
            SkipChanged = submission.SkipChanged || choices.SkipChanged,
        };
    }

    private VideoConverter CreateConverter(SaveOptions save) => new(
        Context.Service,
        new ConversionOptions
        {
            Save = save,
            Wait = Context.GetWaitOptions(Timeout, PollingInterval),
            ThrottleLimit = ThrottleLimit,
            PromptFromSidecar = PromptFromSidecar,
            WritesSidecar = Sidecar || _plan?.Document.Choices.Sidecar == true,
            Plan = _plan,
            Balance = CreateBalanceWatch(),
        });
}

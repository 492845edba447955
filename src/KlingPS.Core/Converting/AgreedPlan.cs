using System.Globalization;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Model;
using KlingPS.Core.Reporting;
using KlingPS.Core.Sessions;
using KlingPS.Core.Submitting;

namespace KlingPS.Core.Converting;

/// <summary>
/// A plan that is carried out. Nothing is bought that is not in it, or whose preconditions have changed: the content of an
/// image, a price, or what the ledger has for it. The plan is not trusted: each image is examined as in any other run, and the
/// result has to agree with the plan.
/// </summary>
/// <remarks>Safe for concurrent use once it is opened.</remarks>
internal sealed class AgreedPlan : IAgreement
{
    /// <summary>The errors that only a new plan can put right.</summary>
    private static readonly HashSet<string?> s_final =
        [.. new[] { ErrorKind.PlanDiffers, ErrorKind.ImageChanged, ErrorKind.BoughtElsewhere, ErrorKind.ImageUnsupported, ErrorKind.RequestInvalid }.Select(ErrorCatalog.IdOf)];

    private readonly KlingSession _session;
    private readonly Dictionary<string, PlanItem> _purchases;

    private readonly Moment _opened;

    /// <summary>How long it held when it was opened, by the clock of the ledger. From then on, the time that passes here counts.</summary>
    private readonly TimeSpan _lifetime;

    private AgreedPlan(string path, PlanDocument document, KlingSession session, Moment opened, TimeSpan lifetime)
    {
        Path = path;
        _opened = opened;
        _lifetime = lifetime;
        Document = document;
        _session = session;
        _purchases = document.Items.Where(item => item is { IsPurchase: true, Identity: not null }).GroupBy(item => item.Identity!).ToDictionary(items => items.Key, items => items.First());
    }

    /// <summary>The full path of its file.</summary>
    public string Path { get; }

    /// <summary>Its content.</summary>
    public PlanDocument Document { get; }

    /// <summary>Whether the run does everything in the plan, rather than only the images given with it.</summary>
    public bool IsWhole { get; init; }

    /// <summary>Opens a plan for a run, and records that the run carries it out.</summary>
    /// <param name="path">The full path of its file.</param>
    /// <param name="document">Its content.</param>
    /// <param name="session">The account, and the ledger that has to have a record of the plan.</param>
    /// <param name="run">The run; <see langword="null"/> to only see what it would do.</param>
    /// <param name="isWhole">See <see cref="IsWhole"/>.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.PlanUnusable"/>, with the reason.</exception>
    public static async Task<AgreedPlan> OpenAsync(string path, PlanDocument document, KlingSession session, RunRecord? run, bool isWhole, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(document);
        ArgumentNullException.ThrowIfNull(session);
        if (document.Account.Endpoint != session.Endpoints.Api.ToString())
        {
            throw PlanFile.Unusable(path, $"was made for the service at {document.Account.Endpoint}, and this is {session.Endpoints.Api}");
        }

        if (document.Ledger != session.Ledger.Location)
        {
            throw PlanFile.Unusable(path, $"was made with the ledger '{document.Ledger}', and this one is '{session.Ledger.Location}', which may not know what was bought");
        }

        var opened = Moment.Now(session.TimeProvider);
        IPlanJournal plans = session.Ledger.Plans;
        PlanStanding standing = run is null
            ? await plans.FindAsync(document.PlanId, session.Account, cancellationToken).ConfigureAwait(false)
            : await plans.UseAsync(document.PlanId, document.Digest, run, cancellationToken).ConfigureAwait(false);
        return standing.FindProblem(document.Digest) is string problem
            ? throw PlanFile.Unusable(path, problem)
            : new AgreedPlan(path, document, session, opened, document.EndsAt - standing.Now) { IsWhole = isWhole };
    }

    /// <summary>Refuses an image for which something else would be done than the plan says.</summary>
    /// <param name="identified">Which video it is, with its price if it would be bought.</param>
    /// <param name="earlier">What the ledger has for it, or a video of another ledger; <see langword="null"/> if it would be bought.</param>
    /// <param name="isElsewhere">Whether <paramref name="earlier"/> is one that this ledger does not know.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.PlanDiffers"/>, with what has changed. <see cref="ErrorKind.TaskFailed"/>: what the plan had bought has failed.
    /// </exception>
    public async Task RequireAsync(IdentifiedSubmission identified, KlingVideoTask? earlier, bool isElsewhere, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(identified);
        string subject = identified.Submission.Subject;
        PlanItem planned = Find(identified);
        _purchases.TryGetValue(identified.Identity, out PlanItem? purchase);
        if (earlier is not null)
        {
            await RequireKnownAsync(subject, planned, purchase, earlier, isElsewhere, cancellationToken).ConfigureAwait(false);
            return;
        }

        if (purchase is null)
        {
            throw Differs(subject, planned.Task is PlanTask gone
                ? string.Create(CultureInfo.InvariantCulture, $"the plan goes on with its task {gone.Id}, which the ledger does not have for it any more, and buys nothing")
                : $"the plan does not buy it ({planned.Result})");
        }

        if (identified.Submission.Credits != purchase.Credits)
        {
            throw Differs(subject, $"it costs {Show(identified.Submission.Credits)} now, and {Show(purchase.Credits)} in the plan");
        }

        if (identified.Submission.Spec.CallbackUri != purchase.Request?.CallbackUri)
        {
            throw Differs(subject, "its result would be posted to another address than the plan says");
        }

        KlingVideoTask? last = await FindFailedAsync(_session, identified, cancellationToken).ConfigureAwait(false);
        if (last is null || last.Id <= purchase.Task?.Id)
        {
            return;
        }

        if (!await _session.Ledger.Plans.HasBoughtAsync(Document.PlanId, last.Id, cancellationToken).ConfigureAwait(false))
        {
            throw Differs(subject, string.Create(CultureInfo.InvariantCulture, $"since the plan was made it was bought as task {last.Id}, which is {last.State}"));
        }

        // Otherwise a copy of the image has been bought a moment ago, and this one gets that video.
        if (last.TaskState == KlingTaskState.Failed)
        {
            throw TaskErrors.CreateFailedInPlan(subject, last);
        }
    }

    /// <inheritdoc/>
    public void RequireInTime()
    {
        if (_opened.Since(_session.TimeProvider) >= _lifetime)
        {
            throw new KlingException(ErrorKind.PlanDiffers, string.Create(CultureInfo.InvariantCulture, $"The plan ended at {Document.EndsAt:yyyy-MM-dd HH:mm:ss}Z. The plan is '{Path}'."));
        }
    }

    /// <inheritdoc/>
    public Task RequireStillAsync(IdentifiedSubmission identified, CancellationToken cancellationToken)
        => RequireAsync(identified, earlier: null, isElsewhere: false, cancellationToken);

    /// <summary>Refuses a video that somebody else has bought just before.</summary>
    /// <param name="identified">The submission.</param>
    /// <param name="claim">The outcome of the purchase.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.PlanDiffers"/>.</exception>
    public async Task RequireOwnAsync(IdentifiedSubmission identified, TaskClaim claim, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(identified);
        ArgumentNullException.ThrowIfNull(claim);
        if (!claim.IsNew && !await IsOfPlanAsync(Find(identified), claim.Task, cancellationToken).ConfigureAwait(false))
        {
            throw BoughtSince(identified.Submission.Subject, claim.Task);
        }
    }

    /// <summary>
    /// Whether the ledger had a task for the video when the plan was made, such as one that had failed and was made after all, or has it from
    /// a run of the plan.
    /// </summary>
    private async Task<bool> IsOfPlanAsync(PlanItem planned, KlingVideoTask task, CancellationToken cancellationToken)
        => (planned.Task is PlanTask last && task.Id <= last.Id)
            || await _session.Ledger.Plans.HasBoughtAsync(Document.PlanId, task.Id, cancellationToken).ConfigureAwait(false);

    /// <summary>Records that the plan is used up, if its run has come to its end and nothing is left to do.</summary>
    /// <param name="summary">The result of the run.</param>
    public async Task CloseAsync(ConversionSummary summary)
    {
        ArgumentNullException.ThrowIfNull(summary);

        // What could not be read has no identity.
        var paths = Document.Items.Where(item => item.IsPurchase).Select(item => item.Path).ToHashSet();
        RunItem[] purchases = [.. summary.Items.Where(item => item.Identity is string identity ? _purchases.ContainsKey(identity) : item.Path is not null && paths.Contains(item.Path))];
        bool isAll = IsWhole || _purchases.Keys.All(identity => purchases.Any(item => item.Identity == identity));
        if (isAll && summary.Pending == 0 && !purchases.Any(IsLeftToDo))
        {
            await _session.Ledger.Plans.CloseAsync(Document.PlanId).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Whether another run can still do something for an item: a limit has left it out, something kept it from being read, bought or saved, or it is
    /// not known whether it was bought. What the service failed to make needs a new plan, and so does what does not agree with this one.
    /// </summary>
    private static bool IsLeftToDo(RunItem item) => item.What switch
    {
        RunItemResult.OverLimit or RunItemResult.Unknown => true,
        RunItemResult.Failed => item.State != nameof(KlingTaskState.Failed),
        RunItemResult.Refused => !s_final.Contains(item.ErrorId),
        _ => false,
    };

    /// <summary>The error of an input that the plan does nothing for.</summary>
    public static KlingException CreateLeftOut(PlanItem item)
    {
        ArgumentNullException.ThrowIfNull(item);
        ErrorKind kind = item.Result == nameof(RunItemResult.OverLimit) ? ErrorKind.BudgetExceeded
            : Enum.TryParse(item.ErrorId?["Kling".Length..], out ErrorKind known) ? known
            : ErrorKind.PlanDiffers;
        return new KlingException(kind, item.ErrorMessage is string message
            ? $"{message} The plan does nothing for it."
            : $"Nothing was bought for '{item.Subject}': it is over the limits that the plan was made with.");
    }

    /// <summary>The failed task that makes it necessary to buy a video again.</summary>
    internal static async Task<KlingVideoTask?> FindFailedAsync(KlingSession session, IdentifiedSubmission identified, CancellationToken cancellationToken)
        => identified.Submission.RetryFailed
            ? await session.Ledger.Tasks.FindEarlierAsync(session.Account, identified.Submission.Spec, cancellationToken).ConfigureAwait(false)
            : null;

    private async Task RequireKnownAsync(string subject, PlanItem planned, PlanItem? purchase, KlingVideoTask earlier, bool isElsewhere, CancellationToken cancellationToken)
    {
        if (isElsewhere)
        {
            if (purchase is not null)
            {
                throw Differs(subject, $"since the plan was made its video has come to '{earlier.SavedPath}', bought with another ledger, and is not bought again");
            }

            return;
        }

        if (await IsOfPlanAsync(planned, earlier, cancellationToken).ConfigureAwait(false))
        {
            return;
        }

        throw purchase is not null ? BoughtSince(subject, earlier)
            : Differs(subject, planned.Task is PlanTask task
                ? string.Create(CultureInfo.InvariantCulture, $"the plan goes on with its task {task.Id}, and by now the ledger has task {earlier.Id} for it")
                : string.Create(CultureInfo.InvariantCulture, $"the plan does nothing for it ({planned.Result}), and by now the ledger has task {earlier.Id} for it"));
    }

    private PlanItem Find(IdentifiedSubmission identified)
    {
        string subject = identified.Submission.Subject;
        if (Document.Items.FirstOrDefault(item => item.Identity == identified.Identity) is PlanItem planned)
        {
            return planned;
        }

        var request = PlanRequest.Of(identified.Submission.Spec, promptPath: null);
        if (Document.Items.FirstOrDefault(item => item.Request?.IsLike(request) == true) is { Request: PlanRequest like })
        {
            PlanSource? changed = like.Files().Zip(request.Files()).FirstOrDefault(files => files.First.Hash != files.Second.Hash).Second;
            throw Differs(subject, $"'{changed?.Path ?? subject}' has other content than when the plan was made");
        }

        throw Differs(subject, Document.Items.Any(item => item.Path is not null && item.Path == identified.Submission.Spec.Main?.Path)
            ? "the plan has this image with another prompt or other settings"
            : "it is not in the plan");
    }

    private KlingException BoughtSince(string subject, KlingVideoTask task) => Differs(subject, string.Create(
        CultureInfo.InvariantCulture,
        $"since the plan was made it was bought as task {task.Id}, which is {task.State}, and is not bought again"));

    private KlingException Differs(string subject, string what)
        => new(ErrorKind.PlanDiffers, $"Nothing was bought for '{subject}': {what}. The plan is '{Path}'.");

    private static string Show(decimal? credits) => credits is decimal known ? string.Create(CultureInfo.InvariantCulture, $"{known:0.###} credits") : "a price that is not known";
}

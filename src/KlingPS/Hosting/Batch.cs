using System.Globalization;
using KlingPS.Core;
using KlingPS.Core.Reporting;
using KlingPS.Core.Stages;

namespace KlingPS.Hosting;

/// <summary>How far the items of a batch have come.</summary>
/// <param name="Fed">Items that were taken in.</param>
/// <param name="Done">Items that gave a value.</param>
/// <param name="Failed">Items that gave none.</param>
internal readonly record struct BatchCounts(int Fed, int Done, int Failed)
{
    /// <summary>Items that are still being worked on.</summary>
    public int Open => Fed - Done - Failed;

    /// <summary>The counts in words.</summary>
    /// <param name="verb">What happens to an item: 2 of 5 <c>saved</c>.</param>
    public string Describe(string verb)
    {
        string failed = Failed == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $", {Failed} not");
        return string.Create(CultureInfo.InvariantCulture, $"{Done} of {Fed} {verb}{failed}");
    }
}

/// <summary>
/// The work of a command on many items: feeds them to a stage, counts, shows progress, emits each value before its error, and
/// ends the command when an error is fatal.
/// </summary>
/// <typeparam name="TItem">An item.</typeparam>
/// <typeparam name="TValue">Its result.</typeparam>
/// <remarks>Everything runs on the pipeline thread.</remarks>
internal sealed class Batch<TItem, TValue> : IDisposable
    where TValue : class
{
    private readonly ICommandHost _host;
    private readonly StagePump<TItem, Outcome<TItem, TValue>> _pump;
    private readonly List<Outcome<TItem, TValue>> _fatal = [];
    private readonly List<Outcome<TItem, TValue>> _gathered = [];
    private readonly Queue<(int After, KlingException Error, object? Target)> _refused = new();
    private readonly Func<ProgressStatus> _describeCounts;
    private BatchCounts _counts;
    private IDisposable? _pause;

    /// <summary>Creates the batch.</summary>
    /// <param name="host">The command.</param>
    /// <param name="createStage">Creates the stage when the first item needs it.</param>
    public Batch(ICommandHost host, Func<IPipelineStage<TItem, Outcome<TItem, TValue>>> createStage)
    {
        _host = host;
        _pump = new(host.Bridge, createStage, Handle);
        _describeCounts = () => StatusOf(_counts.Describe(Verb!));
        Emit = host.WriteObject;
    }

    /// <summary>Writes a value; by default as it is.</summary>
    public Action<TValue> Emit { get; init; }

    /// <summary>What an error points at; by default the item.</summary>
    public Func<Outcome<TItem, TValue>, object?> Target { get; init; } = static outcome => outcome.Item;

    /// <summary>What happens to an item, for the progress bar: 2 of 5 <c>saved</c>.</summary>
    public string? Verb { get; init; }

    /// <summary>Describes the progress of the batch when it is drawn; by default in counts, if there is a <see cref="Verb"/>.</summary>
    public Func<ProgressStatus>? Describe { get; init; }

    /// <summary>Notified of every item that comes out, before its value is written.</summary>
    public Action<Outcome<TItem, TValue>>? Ended { get; init; }

    /// <summary>Where the videos of the batch go, as parameters of Save-KlingVideo with a space before them, for what is recommended after an error.</summary>
    public string SaveParameters { get; set; } = string.Empty;

    /// <summary>Called when no more items will come, with how many have come.</summary>
    public Action<int>? Finishing { get; init; }

    /// <summary>Whether an error ends the command; by default a fatal one does.</summary>
    public Func<KlingException, bool> IsFatal { get; init; } = static error => error.IsFatal;

    /// <summary>Whether an error is one that all items meet and that does not end their work: it is written once for all of them, at the end. By default none is.</summary>
    public Func<KlingException, bool> IsShared { get; init; } = static _ => false;

    /// <summary>Whether the stage hands out its results in the order of the input.</summary>
    public bool IsOrdered { get; init; }

    /// <summary>Whether fatal errors are kept for <see cref="ThrowIfFatal"/>, instead of ending the command at once.</summary>
    public bool KeepsFatal { get; init; }

    /// <summary>The error that the command ends with, made from the items that have met one that ends it; by default the first of theirs, with how many are left.</summary>
    public Func<IReadOnlyList<Outcome<TItem, TValue>>, KlingException>? Ending { get; init; }

    /// <summary>Whether an error has been kept that ends the command.</summary>
    public bool HasFatal => _fatal.Count > 0;

    /// <summary>How far the items have come.</summary>
    public BatchCounts Counts => _counts;

    /// <summary>Starts the stage before there is an item.</summary>
    /// <exception cref="KlingException">The stage cannot be created.</exception>
    public void Begin() => _pump.Begin();

    /// <summary>Takes an item in, and emits what is ready in the meantime.</summary>
    /// <exception cref="KlingException">The stage cannot be created, or has ended with an error.</exception>
    public void Feed(TItem item)
    {
        _pause ??= OptimizationPause.Shared.Hold();
        _counts = _counts with { Fed = _counts.Fed + 1 };
        Refresh();
        _pump.Feed(item);
    }

    /// <summary>Writes the error of input that gives no item; if results come in the order of the input, in its turn.</summary>
    public void Refuse(KlingException error, object? target)
    {
        _refused.Enqueue((IsOrdered ? _counts.Fed : 0, error, target));
        WriteRefused(_counts.Done + _counts.Failed);
    }

    /// <summary>Shows the progress again, because something else about it has changed.</summary>
    public void Refresh()
    {
        if ((Describe ?? (Verb is null ? null : _describeCounts)) is { } describe)
        {
            _host.Progress.Show(describe);
        }
    }

    /// <summary>The counts in words, with how much of the batch is done.</summary>
    /// <param name="status">The words.</param>
    /// <param name="remaining">How long it will still take, if that is known.</param>
    public ProgressStatus StatusOf(string status, TimeSpan? remaining = null)
        => new(status, (_counts.Done + _counts.Failed) * 100 / Math.Max(_counts.Fed, 1), remaining);

    /// <summary>Takes no more items, emits everything that is still to come, and removes the progress bar.</summary>
    /// <exception cref="KlingException">The stage has ended with an error.</exception>
    public void Finish()
    {
        Finishing?.Invoke(_counts.Fed);
        _pump.Finish();
        _pause?.Dispose();
        WriteRefused(int.MaxValue);
        WriteGathered();
        _host.Progress.Complete();
    }

    /// <summary>Ends the command with the first fatal error that was kept, if there is one.</summary>
    public void ThrowIfFatal()
    {
        if (_fatal is not [var first, ..])
        {
            return;
        }

        // Only one error can end the command, but a user who puts that right should know about the others. If an error that is written ends it, too, the first has to be this one.
        foreach (var others in _host.StopsAtErrors ? [] : _fatal.GroupBy(outcome => outcome.Error!.Kind).Where(others => others.Key != first.Error!.Kind))
        {
            _host.WriteError(others.First().Error!, TargetOf([.. others]));
        }

        KlingException ending = Ending?.Invoke(_fatal) ?? (_counts.Fed == 1 ? first.Error! : WithLeft(first.Error!, _fatal.Count));
        _host.ThrowTerminatingError(ending, TargetOf(_fatal));
    }

    /// <summary>Stops what is still in the stage.</summary>
    public void Dispose()
    {
        _pause?.Dispose();
        _pump.Dispose();
    }

    private void Handle(Outcome<TItem, TValue> outcome)
    {
        _counts = outcome.Value is null ? _counts with { Failed = _counts.Failed + 1 } : _counts with { Done = _counts.Done + 1 };
        Ended?.Invoke(outcome);
        Refresh();

        // The value comes first: with -ErrorAction Stop the error ends the pipeline, but the value is out already.
        if (outcome.Value is not null)
        {
            Emit(outcome.Value);
        }

        if (outcome.Error is KlingException error)
        {
            Report(error, outcome);
        }

        WriteRefused(_counts.Done + _counts.Failed);
    }

    /// <summary>Writes the error that all of these items have met, and how many of them are left.</summary>
    private void WriteGathered()
    {
        if (_gathered.Count == 0)
        {
            return;
        }

        // The error of an item that is done says where this is kept.
        KlingException error = (_gathered.Find(outcome => outcome.Value is not null) ?? _gathered[0]).Error!;
        int left = _gathered.Count(outcome => outcome.Value is null);
        _host.WriteError(WithLeft(error, left), TargetOf(_gathered));
        _gathered.Clear();
    }

    /// <summary>What the error of several items points at: that of the one, or those of all.</summary>
    private object? TargetOf(IReadOnlyList<Outcome<TItem, TValue>> outcomes) => outcomes is [var one] ? Target(one) : outcomes.Select(Target).ToArray();

    /// <summary>The error that several items have met, with how many of them are left.</summary>
    private static KlingException WithLeft(KlingException error, int left)
        => left == 0 ? error : error.WithMessage($"{error.Message} {(left == 1 ? "1 task is" : $"{left} tasks are")} left. Nothing that is paid for is lost; run the same command again for the rest.");

    private void WriteRefused(int ended)
    {
        while (_refused.TryPeek(out (int After, KlingException Error, object? Target) refused) && refused.After <= ended)
        {
            _refused.Dequeue();
            _host.WriteError(refused.Error, refused.Target);
        }
    }

    private void Report(KlingException error, Outcome<TItem, TValue> outcome)
    {
        bool isOfTask = ErrorRecords.TaskOf(error, Target(outcome)) is not null;
        string save = $"| Save-KlingVideo{SaveParameters}";
        string advice = error.AdviceOn(isOfTask);

        // One error may be that of several items, and has been here before.
        error.Advice = advice.Contains(save, StringComparison.Ordinal) ? advice : advice.Replace("| Save-KlingVideo", save, StringComparison.Ordinal);
        if (IsShared(error))
        {
            _gathered.Add(outcome);
            _host.LogError(error, Target(outcome));
        }
        else if (!IsFatal(error))
        {
            _host.WriteError(error, Target(outcome));
        }
        else if (KeepsFatal)
        {
            _fatal.Add(outcome);
        }
        else
        {
            WriteRefused(int.MaxValue);
            _host.ThrowTerminatingError(error, Target(outcome));
        }
    }
}

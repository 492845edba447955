using System.Collections.Concurrent;
using System.Globalization;
using KlingPS.Core;
using KlingPS.Core.Gallery;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Saving;
using KlingPS.Core.Stages;

namespace KlingPS.Text;

/// <summary>
/// What the commands of a runspace that run at the same time, such as those of one pipeline, have paid for but not saved to disk. It is reported
/// once for all, by the last of them to end if one has ended early. Safe for use from several threads.
/// </summary>
internal sealed class UnfinishedWork
{
    /// <summary>The most ids and ranges that a command names.</summary>
    private const int MaxTerms = 100;

    private readonly object _lock = new();
    private readonly List<Member> _members = [];
    private readonly ConcurrentDictionary<long, Entry> _tasks = new();
    private readonly ConcurrentDictionary<string, Entry> _foreign = new();

    /// <summary>The local ids of tasks that were named by the service's id.</summary>
    private readonly ConcurrentDictionary<string, long> _named = new();
    private bool _isCutShort;
    private bool _isTold;
    private volatile bool _hasErrors;

    /// <summary>Whether several commands run at the same time.</summary>
    public bool IsShared
    {
        get
        {
            lock (_lock)
            {
                return _members.Count(member => !member.IsOver) > 1;
            }
        }
    }

    /// <summary>Whether no command runs any more.</summary>
    public bool IsOver
    {
        get
        {
            lock (_lock)
            {
                return _members.TrueForAll(member => member.IsOver);
            }
        }
    }

    /// <summary>Called when a command has begun.</summary>
    public Member Join()
    {
        lock (_lock)
        {
            if (_members.Count == 0)
            {
                _tasks.Clear();
                _foreign.Clear();
                _named.Clear();
                _isCutShort = false;
                _isTold = false;
                _hasErrors = false;
            }

            var member = new Member(this);
            _members.Add(member);
            return member;
        }
    }

    /// <summary>The command that gets the videos.</summary>
    /// <param name="ids">The local ids of their tasks.</param>
    /// <param name="save">Where they go; if it is <see langword="null"/>, where Save-KlingVideo puts them by itself.</param>
    public static string Resume(IEnumerable<long> ids, SaveOptions? save = null)
    {
        long[] all = [.. ids];
        string[] list = [.. TermsOf(all)];
        if (list.Length > MaxTerms)
        {
            // So many do not fit into a line. Tasks that others have bought and saved in the meantime are not among these either.
            return string.Create(
                CultureInfo.InvariantCulture,
                $"Get-KlingVideoTask -State Waiting, Queuing, Generating, Succeeded | Where-Object {{ $_.Id -ge {all.Min()} -and $_.Id -le {all.Max()} -and -not $_.SavedPath }} | Wait-KlingVideoTask | Save-KlingVideo{Parameters(save)}");
        }

        // Ranges come first: whatever is added to an array becomes part of it.
        ILookup<bool, string> terms = list.ToLookup(term => term.Contains("..", StringComparison.Ordinal));
        string which = terms[true].Any() ? $"({string.Join(" + ", terms[true].Concat(terms[false]))})" : string.Join(", ", terms[false]);
        return $"Get-KlingVideoTask -Id {which} | Wait-KlingVideoTask | Save-KlingVideo{Parameters(save)}";
    }

    /// <summary>The parameters with which Save-KlingVideo puts videos where they belong; nothing, or with a space before them.</summary>
    public static string Parameters(SaveOptions? save)
    {
        if (save is null)
        {
            return string.Empty;
        }

        string template = save.Template.ToString() == NameTemplate.DefaultText ? string.Empty : $" -NameTemplate {PowerShellText.Quote(save.Template.ToString())}";
        return $" -Destination {PowerShellText.Quote(save.Destination)}{template}";
    }

    /// <summary>Numbers as PowerShell takes them, with three or more in a row as a range.</summary>
    private static IEnumerable<string> TermsOf(IEnumerable<long> ids)
    {
        long[] sorted = [.. ids.Order()];
        for (int first = 0; first < sorted.Length;)
        {
            int last = first;
            while (last + 1 < sorted.Length && sorted[last + 1] == sorted[last] + 1)
            {
                last++;
            }

            if (last - first >= 2)
            {
                yield return string.Create(CultureInfo.InvariantCulture, $"{sorted[first]}..{sorted[last]}");
                first = last + 1;
            }
            else
            {
                yield return sorted[first].ToString(CultureInfo.InvariantCulture);
                first++;
            }
        }
    }

    private static string DescribeRequests(int requests) => requests switch
    {
        0 => string.Empty,
        1 => "1 request for a video is under way. Its response is recorded when it arrives; leave the shell open until then. ",
        _ => $"{requests} requests for videos are under way. Their responses are recorded when they arrive; leave the shell open until then. ",
    };

    private static string DescribeVideos(int count, int made) => (count, made) switch
    {
        (0, _) => string.Empty,
        (1, 0) => "1 video is paid for and not finished; the service is still making it.",
        (_, 0) => $"{count} videos are paid for and not finished; the service is still making them.",
        (1, _) => "1 video is paid for and not on disk.",
        _ when made == count => $"{count} videos are paid for and not on disk.",
        _ when count - made == 1 => $"{count} videos are paid for and not on disk; the service is still making 1 of them.",
        _ => $"{count} videos are paid for and not on disk; the service is still making {count - made} of them.",
    };

    private static string DescribeForeign(int count) => count switch
    {
        0 => string.Empty,
        1 => "1 task was asked for that the ledger does not have; it may be paid for.",
        _ => $"{count} tasks were asked for that the ledger does not have; they may be paid for.",
    };

    private string? Describe(bool withHandedOut)
    {
        Dictionary<long, Entry> tasks = _tasks.Where(pair => withHandedOut || !pair.Value.IsHandedOut).ToDictionary();
        foreach (KlingVideoTask task in _members.SelectMany(member => member.Unfinished?.Invoke() ?? []))
        {
            tasks[task.Id] = new Entry(task.TaskState == KlingTaskState.Succeeded, IsHandedOut: false);
        }

        string[] foreign = [.. _foreign.Where(pair => withHandedOut || !pair.Value.IsHandedOut).Select(pair => pair.Key).Order(StringComparer.Ordinal)];
        int count = tasks.Count + foreign.Length;
        string requests = DescribeRequests(_members.Sum(member => member.UnderWay?.Invoke() ?? 0));
        bool isConversion = _members.Exists(member => member.IsConversion);
        if (count == 0)
        {
            return requests.Length == 0 ? null
                : requests + (isConversion ? "Run the same command again to get everything." : "Get-KlingVideoTask shows what was bought.");
        }

        SaveOptions? save = _members.Select(member => member.Save).LastOrDefault(save => save is not null);
        string wait = $"Wait-KlingVideoTask -TaskId {string.Join(", ", foreign.Take(MaxTerms).Select(PowerShellText.Quote))} | Save-KlingVideo{Parameters(save)}";
        string command = foreign.Length == 0 ? Resume(tasks.Keys, save) : tasks.Count == 0 ? wait : $"{Resume(tasks.Keys, save)}; {wait}";
        string more = foreign.Length <= MaxTerms ? string.Empty : $"The command names the first {MaxTerms} of them; give it the others in the same way.";
        string videos = string.Join(' ', ((string[])[DescribeVideos(tasks.Count, tasks.Values.Count(task => task.IsMade)), DescribeForeign(foreign.Length), more]).Where(text => text.Length > 0));
        return $"{requests}{videos} {(isConversion ? "Run the same command again to get everything, or only these with: " : "To get the rest: ")}{command}";
    }

    /// <param name="IsMade">Whether the service has made the video.</param>
    /// <param name="IsHandedOut">Whether a command has emitted the task.</param>
    private readonly record struct Entry(bool IsMade, bool IsHandedOut);

    /// <summary>One command.</summary>
    internal sealed class Member(UnfinishedWork work)
    {
        private volatile bool _hasFailed;
        private bool _hasTasks;

        /// <summary>Whether the command has ended. PowerShell does not dispose of every command that has.</summary>
        public bool IsOver { get; private set; }

        /// <summary>How many requests of the command have left and have no response yet.</summary>
        public Func<int>? UnderWay { get; set; }

        /// <summary>The tasks of the command that are paid for and not on disk, if it knows them itself.</summary>
        public Func<IEnumerable<KlingVideoTask>>? Unfinished { get; set; }

        /// <summary>Where the command saves videos.</summary>
        public SaveOptions? Save { get; set; }

        /// <summary>Whether the same command, run again, does everything that is missing.</summary>
        public bool IsConversion { get; set; }

        /// <summary>Whether the command has reported that its time was up.</summary>
        public bool HasTimedOut { get; set; }

        /// <summary>Whether one of the running commands has reported an error: then that says why nothing came from it.</summary>
        public bool HasErrors
        {
            get => work._hasErrors;
            set => work._hasErrors = value;
        }

        /// <summary>Whether one of the running commands has ended all of them with an error.</summary>
        public bool HasFailed
        {
            get
            {
                lock (work._lock)
                {
                    return work._members.Exists(member => member._hasFailed);
                }
            }

            set => _hasFailed = value;
        }

        /// <summary>Whether this one began first of the running commands.</summary>
        public bool IsOldest
        {
            get
            {
                lock (work._lock)
                {
                    return work._members[0] == this;
                }
            }
        }

        /// <summary>Whether others of the running commands go on.</summary>
        public bool HasOthers
        {
            get
            {
                lock (work._lock)
                {
                    return work._members.Exists(member => member != this && !member.IsOver);
                }
            }
        }

        /// <summary>Whether the command has anything to do with tasks that are paid for. If not, it leaves nothing open when it ends early.</summary>
        private bool HasWork => _hasTasks || UnderWay is not null || Unfinished is not null || Save is not null;

        /// <summary>Called when a task is asked for. One that only the service may know may be paid for.</summary>
        /// <param name="reference">How it is named.</param>
        /// <param name="task">Its record, if there is one.</param>
        public void Add(TaskReference reference, KlingVideoTask? task)
        {
            _hasTasks = true;
            if (task is not null)
            {
                Add(task);
                if (reference.TaskId is string name)
                {
                    work._named[name] = task.Id;
                }
            }
            else if (reference.TaskId is string taskId)
            {
                work._foreign.TryAdd(taskId, default);
            }
        }

        /// <summary>Called when a task is paid for; if its video is on disk, or there will be none, nothing is open.</summary>
        /// <param name="task">The task.</param>
        /// <param name="isHandedOut">Whether it is emitted now.</param>
        public void Add(KlingVideoTask task, bool isHandedOut = false)
        {
            _hasTasks = true;
            if (task.TaskId is string taskId)
            {
                work._foreign.TryRemove(taskId, out _);
            }

            bool isOpen = task.TaskState.IsPending() || (task.TaskState == KlingTaskState.Succeeded && task.SavedPath is null);
            if (isOpen)
            {
                work._tasks[task.Id] = new Entry(task.TaskState == KlingTaskState.Succeeded, isHandedOut);
            }
            else
            {
                work._tasks.TryRemove(task.Id, out _);
            }
        }

        /// <summary>Called when a task is done: its video is on disk, or there is none.</summary>
        public void Remove(TaskReference reference)
        {
            if ((reference.Task?.Id ?? reference.Id) is long id)
            {
                work._tasks.TryRemove(id, out _);
            }

            if ((reference.TaskId ?? reference.Task?.TaskId) is string taskId)
            {
                work._foreign.TryRemove(taskId, out _);
                if (work._named.TryRemove(taskId, out long named))
                {
                    work._tasks.TryRemove(named, out _);
                }
            }
        }

        /// <summary>Called when a task that was waited for comes out.</summary>
        public void OnWaited(Outcome<TaskReference, KlingVideoTask> outcome)
        {
            if (outcome.Value is KlingVideoTask task)
            {
                Add(task, isHandedOut: true);
            }
            else if (outcome.Error is { Kind: ErrorKind.WaitTimeout, TaskNumber: long id } && outcome.Item.TaskId is string taskId)
            {
                // It was named by the service's id, and is now known here.
                work._foreign.TryRemove(taskId, out _);
                work._tasks.TryAdd(id, default);
            }
            else if (outcome.Error?.Kind is not (ErrorKind.WaitTimeout or ErrorKind.ServiceUnavailable or ErrorKind.RateLimited or ErrorKind.LedgerUnusable or ErrorKind.AnswerInvalid))
            {
                Remove(outcome.Item);
            }
        }

        /// <summary>Called when the command has done everything.</summary>
        /// <returns>What is open because the time was up or a command before it has ended early, if this was the last command to end; <see langword="null"/> if nothing is.</returns>
        public string? End()
        {
            lock (work._lock)
            {
                IsOver = true;
                bool isLast = work._members.TrueForAll(member => member.IsOver);
                if (!isLast || work._isTold || !(work._isCutShort || work._members.Exists(member => member.HasTimedOut)))
                {
                    return null;
                }

                // Whoever has been given a task knows of it.
                string? text = work.Describe(withHandedOut: false);
                work._isTold = text is not null;
                work._isCutShort = false;
                return text;
            }
        }

        /// <summary>Called when the command has ended before it had done everything.</summary>
        public void CutShort()
        {
            lock (work._lock)
            {
                work._isCutShort |= !IsOver && HasWork;
                IsOver = true;
            }
        }

        /// <summary>What is open, if a command has ended early and that has not been reported.</summary>
        public string? Tell()
        {
            lock (work._lock)
            {
                if (work._isTold || !work._isCutShort)
                {
                    return null;
                }

                string? text = work.Describe(withHandedOut: true);
                work._isTold = text is not null;
                return text;
            }
        }

        /// <summary>Called when the command is gone.</summary>
        /// <returns>What is open, if this was the last command, one has ended early, and that has not been reported.</returns>
        public string? Leave()
        {
            lock (work._lock)
            {
                string? text = work._members.Count == 1 && work._members[0] == this ? Tell() : null;
                work._members.Remove(this);
                return text;
            }
        }
    }
}

namespace KlingPS.Sandbox.Faults;

/// <summary>The faults still to come.</summary>
internal sealed class FaultPlan(int seed, TimeProvider timeProvider)
{
    private const string HowToWrite = "a time span from a millisecond to a day, such as '00:00:05' for five seconds. PowerShell takes 5 for half a microsecond, and '5' for five days.";

    private readonly List<Entry> _entries = [];
    private readonly Random _random = new(seed);

    /// <exception cref="ArgumentException">The fault could never happen, or a number is out of range.</exception>
    internal void Add(SandboxFault fault)
    {
        ArgumentNullException.ThrowIfNull(fault);
        Require(fault.Operation == SandboxOperation.Any || CanHappen(fault.FaultKind, fault.Operation), $"A fault of kind {fault.FaultKind} cannot happen on {fault.Operation}.");
        Require(fault.Count >= 0, "Count is 0 (no limit) or more.");
        Require(fault.Skip >= 0, "Skip is 0 or more.");
        Require(fault.Probability is >= 0 and <= 1, "Probability is between 0 and 1.");
        Require(fault.AtFraction is >= 0 and < 1, "AtFraction is 0 or more and below 1.");
        Require(IsMeant(fault.Delay), $"Delay is {HowToWrite}");
        Require(fault.Code is null or (>= 200 and <= 599), "Code is between 200 and 599, like the service's.");
        Require(IsMeant(fault.Duration), $"Duration is {HowToWrite}");
        Require(fault.BytesPerSecond >= 1, "BytesPerSecond is 1 or more.");
        Require(fault.Encoding is "gzip" or "deflate" or "br", "Encoding is gzip, deflate or br.");
        Require(fault.FaultKind is not (SandboxFaultKind.WrongLink or SandboxFaultKind.Redirect) || fault.Link is not null, $"A fault of kind {fault.FaultKind} needs a Link.");
        Require(fault.FaultKind != SandboxFaultKind.WrongField || !string.IsNullOrEmpty(fault.Field), "A fault of kind WrongField needs a Field, and a Value.");
        Require(fault.Status is null or (>= 200 and <= 599), "Status is an HTTP status, 200 to 599.");
        lock (_entries)
        {
            _entries.Add(new Entry(fault));
        }

        // Nobody means the others, which a number without a unit becomes.
        static bool IsMeant(TimeSpan span) => span == TimeSpan.Zero || (span >= TimeSpan.FromMilliseconds(1) && span <= TimeSpan.FromDays(1));

        static void Require(bool condition, string message)
        {
            if (!condition)
            {
                throw new ArgumentException(message);
            }
        }
    }

    internal void Clear()
    {
        lock (_entries)
        {
            _entries.Clear();
        }
    }

    /// <summary>The faults that are not used up, in order.</summary>
    internal SandboxFault[] Snapshot()
    {
        lock (_entries)
        {
            return [.. _entries.Select(static entry => entry.Fault)];
        }
    }

    /// <summary>Takes every matching delay and the first other fault that matches, which comes last.</summary>
    internal IReadOnlyList<SandboxFault> Take(SandboxOperation operation, string text, Func<SandboxFaultKind, bool> admits)
    {
        List<SandboxFault> taken = [];
        lock (_entries)
        {
            foreach (Entry entry in _entries)
            {
                if (Matches(entry.Fault, operation, text, admits) && entry.Triggers(_random, timeProvider.GetUtcNow()))
                {
                    taken.Add(entry.Fault);
                    if (entry.Fault.FaultKind != SandboxFaultKind.Delay)
                    {
                        break;
                    }
                }
            }

            _entries.RemoveAll(static entry => entry.IsUsedUp);
        }

        return taken;
    }

    /// <summary>Like <see cref="Take"/>, but waits out every delay and returns the other fault, if there is one.</summary>
    internal async ValueTask<SandboxFault?> TakeAsync(
        SandboxOperation operation,
        string text,
        Func<SandboxFaultKind, bool> admits,
        CancellationToken cancellationToken)
    {
        SandboxFault? taken = null;
        foreach (SandboxFault fault in Take(operation, text, admits))
        {
            await Task.Delay(fault.Delay, timeProvider, cancellationToken).ConfigureAwait(false);
            if (fault.FaultKind != SandboxFaultKind.Delay)
            {
                taken = fault;
            }
        }

        return taken;
    }

    private static bool Matches(SandboxFault fault, SandboxOperation operation, string text, Func<SandboxFaultKind, bool> admits)
    {
        bool on = fault.Operation == operation
            || (fault.Operation == SandboxOperation.Any
                && CanHappen(fault.FaultKind, operation)
                && !(fault.FaultKind == SandboxFaultKind.Delay && operation is SandboxOperation.Generate or SandboxOperation.Callback));
        return on && (fault.Match is null || text.Contains(fault.Match, StringComparison.Ordinal)) && admits(fault.FaultKind);
    }

    private static bool CanHappen(SandboxFaultKind kind, SandboxOperation on) => kind switch
    {
        SandboxFaultKind.Delay => true,
        SandboxFaultKind.FailTask => on == SandboxOperation.Generate,
        SandboxFaultKind.ExpireLink => on is SandboxOperation.Download or SandboxOperation.Generate,
        SandboxFaultKind.CutDownload => on == SandboxOperation.Download,
        SandboxFaultKind.DuplicateId => on == SandboxOperation.Create,
        SandboxFaultKind.Redirect => on == SandboxOperation.Download,
        SandboxFaultKind.DamagedEncoding or SandboxFaultKind.WrongField => on is not (SandboxOperation.Download or SandboxOperation.Generate or SandboxOperation.Callback),
        SandboxFaultKind.UnknownId or SandboxFaultKind.EmptyResult or SandboxFaultKind.WrongLink => on == SandboxOperation.Query,
        SandboxFaultKind.LoseCallback or SandboxFaultKind.DuplicateCallback or SandboxFaultKind.OldCallback => on == SandboxOperation.Callback,
        SandboxFaultKind.Code => on is not (SandboxOperation.Download or SandboxOperation.Generate or SandboxOperation.Callback),
        _ => on is not (SandboxOperation.Generate or SandboxOperation.Callback),
    };

    private sealed class Entry(SandboxFault fault)
    {
        private int _toSkip = fault.Skip;
        private int _left = fault.Count == 0 || fault.Duration > TimeSpan.Zero ? int.MaxValue : fault.Count;
        private DateTimeOffset? _endsAt;

        internal SandboxFault Fault => fault;

        internal bool IsUsedUp => _left == 0;

        internal bool Triggers(Random random, DateTimeOffset now)
        {
            if (_endsAt <= now)
            {
                _left = 0;
                return false;
            }

            if (_toSkip > 0)
            {
                _toSkip--;
                return false;
            }

            if (random.NextDouble() >= fault.Probability)
            {
                return false;
            }

            if (fault.Duration > TimeSpan.Zero)
            {
                _endsAt ??= now + fault.Duration;
            }
            else if (fault.Count > 0)
            {
                _left--;
            }

            return true;
        }
    }
}

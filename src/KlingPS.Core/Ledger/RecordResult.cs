using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger;

/// <summary>What came of recording a response: a record can have moved on in the meantime, by a callback or by another process.</summary>
internal abstract record RecordResult
{
    private RecordResult(KlingVideoTask task) => Task = task;

    /// <summary>The task that this is about, as it is in the ledger now.</summary>
    public KlingVideoTask Task { get; }

    /// <summary>It is recorded, or was before.</summary>
    public sealed record Recorded : RecordResult
    {
        internal Recorded(KlingVideoTask task)
            : base(task)
        {
        }
    }

    /// <summary>Nothing was changed: the attempt is no longer what the response was for. <see cref="Task"/> is what it has become.</summary>
    public sealed record Superseded : RecordResult
    {
        internal Superseded(KlingVideoTask task)
            : base(task)
        {
        }
    }

    /// <summary>Nothing was changed: the video of the attempt, which is <see cref="RecordResult.Task"/>, need not be bought any more.</summary>
    public sealed record Needless : RecordResult
    {
        internal Needless(KlingVideoTask task, KlingVideoTask other)
            : base(task) => Other = other;

        /// <summary>What the ledger knows of the same video by now.</summary>
        public KlingVideoTask Other { get; }
    }

    /// <summary>Nothing was changed: the service's id is that of another attempt, which <see cref="Task"/> is.</summary>
    public sealed record Taken : RecordResult
    {
        internal Taken(KlingVideoTask task)
            : base(task)
        {
        }
    }
}

using System.Globalization;
using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger;

/// <summary>What came of recording a response: a record can have moved on in the meantime, by a callback or by another process.</summary>
internal abstract record RecordResult
{
    private RecordResult()
    {
    }

    /// <summary>The words before "bought" that say how certain that is.</summary>
    public static string WasOrMayHaveBeen(KlingVideoTask task) => task.TaskId is null ? "may have been" : "was";

    /// <summary>It is recorded, or was before.</summary>
    /// <param name="Task">The attempt as it is now.</param>
    /// <param name="Successor">What was, or may have been, bought for the same video (<see cref="Sql.Successors"/>); otherwise <see langword="null"/>.</param>
    public sealed record Recorded(KlingVideoTask Task, KlingVideoTask? Successor = null) : RecordResult
    {
        /// <summary>What users should know about an attempt that is unknown again, as a sentence with a leading space: what was bought instead. Empty if nothing was.</summary>
        public string Replacement => Successor is null ? string.Empty : string.Create(
            CultureInfo.InvariantCulture,
            $" Meanwhile, task {Successor.Id} {WasOrMayHaveBeen(Successor)} bought, which is the same video.");

        /// <summary>What users should know about an attempt that was bought: that its video is paid for twice. <see langword="null"/> if it is not.</summary>
        public string? Warning => Successor is null ? null : string.Create(
            CultureInfo.InvariantCulture,
            $"The video of '{Task.Subject}' {WasOrMayHaveBeen(Successor)} bought twice: as task {Task.Id}, whose response came late, and meanwhile as task {Successor.Id}. To get both: Get-KlingVideoTask -Id {Task.Id}, {Successor.Id} | Wait-KlingVideoTask | Save-KlingVideo.");
    }

    /// <summary>Nothing was changed: the attempt is no longer what the response was for.</summary>
    /// <param name="Task">What it has become.</param>
    public sealed record Superseded(KlingVideoTask Task) : RecordResult;

    /// <summary>Nothing was changed: the ledger has learnt of the same video meanwhile, so whether to buy it has to be decided again.</summary>
    /// <param name="Other">The same video.</param>
    public sealed record Forestalled(KlingVideoTask Other) : RecordResult;

    /// <summary>The service's id is that of another attempt, and was not recorded for this one.</summary>
    /// <param name="Other">The attempt that has the id.</param>
    public sealed record Taken(KlingVideoTask Other) : RecordResult;

    /// <summary>Nothing was changed: the attempt was settled meanwhile, and its record removed. What it had become is not known.</summary>
    public sealed record Removed : RecordResult;
}

using KlingPS.Core.Ledger;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger;

/// <summary>The steps of a journal where a test takes for granted that they are recorded.</summary>
internal static class JournalExtensions
{
    public static async Task<KlingVideoTask> AcceptAsync(this ITaskJournal journal, long id, string taskId)
        => Assert.IsType<RecordResult.Recorded>(await journal.RecordAcceptedAsync(id, taskId)).Task;

    public static async Task<KlingVideoTask> RejectAsync(this ITaskJournal journal, long id, string? code, string reason)
        => Assert.IsType<RecordResult.Recorded>(await journal.RecordRejectedAsync(id, code, reason)).Task;

    public static async Task<KlingVideoTask> LoseAsync(this ITaskJournal journal, long id, string reason = "lost")
        => Assert.IsType<RecordResult.Recorded>(await journal.RecordUnknownAsync(id, reason, TempLedger.Intent())).Task;
}

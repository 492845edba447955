using KlingPS.Core.Ledger;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger;

/// <summary>The steps of a journal where a test takes for granted that they are recorded.</summary>
internal static class JournalExtensions
{
    public static async Task<KlingVideoTask> AcceptAsync(this ITaskJournal journal, long id, string taskId)
        => Assert.IsType<RecordResult.Recorded>(await journal.RecordAcceptedAsync(id, taskId)).Task;

    public static async Task<KlingVideoTask> RejectAsync(this ITaskJournal journal, long id, string? code, string reason)
        => Assert.IsType<RecordResult.Recorded>(await journal.RecordRejectedAsync(await journal.GetAttemptAsync(id), code, reason)).Task;

    public static async Task<KlingVideoTask> LoseAsync(this ITaskJournal journal, long id, string reason = "lost")
        => Assert.IsType<RecordResult.Recorded>(await journal.ReportLostAsync(id, reason)).Task;

    /// <summary>An attempt as its process knows it, also if its record is gone.</summary>
    public static async Task<KlingVideoTask> GetAttemptAsync(this ITaskJournal journal, long id)
        => await journal.FindAsync(id, CancellationToken.None) ?? new KlingVideoTask { Id = id, Account = TempLedger.Account, Nonce = TempLedger.Intent().Nonce };

    /// <summary>Records where the video of a task was saved, as it is recorded by its number.</summary>
    public static async Task<KlingVideoTask> RecordSavedAsync(this ITaskJournal journal, long id, string path, string hash)
        => await journal.RecordSavedAsync(await journal.GetAttemptAsync(id), path, hash);

    /// <summary>Records that the video of a task was taken elsewhere, as it is recorded by its number.</summary>
    public static async Task<KlingVideoTask> RecordTakenAsync(this ITaskJournal journal, long id, bool isTaken)
        => await journal.RecordTakenAsync(await journal.GetAttemptAsync(id), isTaken);

    /// <summary>Settles the attempt as it is recorded.</summary>
    public static async Task<KlingVideoTask> ResolveAsync(this ITaskJournal journal, long id, TaskSnapshot snapshot)
        => await journal.ResolveAsync(await journal.GetAttemptAsync(id), snapshot);

    /// <summary>What the process says that has sent the request of an attempt.</summary>
    public static async Task<RecordResult> ReportLostAsync(this ITaskJournal journal, long id, string reason = "lost")
    {
        KlingVideoTask attempt = (await journal.FindAsync(id, CancellationToken.None))!;
        return await journal.RecordUnknownAsync(id, reason, TempLedger.Intent() with { Account = attempt.Account, Nonce = attempt.Nonce! });
    }

    /// <summary>Gives up the attempt as it is recorded.</summary>
    public static async Task<KlingVideoTask> AbandonAsync(this ITaskJournal journal, long id) => await journal.AbandonAsync(await journal.GetAttemptAsync(id));

    /// <summary>Removes the task as it is recorded.</summary>
    public static async Task<KlingVideoTask> RemoveAsync(this ITaskJournal journal, long id) => await journal.RemoveAsync(await journal.GetAttemptAsync(id));
}

using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>
/// Finds what was bought, or may have been, for the same video as an attempt that counted as not bought, or that replaces such an attempt: by
/// other commands, which have replaced it, requested the video later, or replaced such a request in turn; and by the attempts that it replaces
/// itself, if they turned out to have been bought.
/// </summary>
/// <remarks>
/// A command may buy a video several times, so what its own run has requested takes nobody's place; nor does what replaces another of its
/// attempts. If the record of what was replaced is gone, it may have been any attempt. An attempt that has itself been replaced is passed over as
/// long as its outcome is not known: what has replaced it counts.
/// </remarks>
internal static class Successors
{
    /// <summary>Records that an attempt which counted as not bought does so no longer: what was requested since it began may have taken its place.</summary>
    /// <param name="session">The session.</param>
    /// <param name="id">The local id of the attempt.</param>
    public static Task ReopenAsync(SqlSession session, long id) => ReopenFromAsync(session, id, id);

    /// <summary>The same, for an attempt whose record was gone.</summary>
    /// <param name="session">The session.</param>
    /// <param name="id">The local id of the new record.</param>
    /// <param name="former">The one that the attempt began with.</param>
    public static async Task ReopenAsync(SqlSession session, long id, long former)
    {
        // A ledger that was put back from a backup assigns numbers again: then every other request counts as a later one.
        bool isPutBack = id < former || await TaskTable.FindAsync(session, former).ConfigureAwait(false) is not null;
        await ReopenFromAsync(session, id, isPutBack ? 0 : former).ConfigureAwait(false);
    }

    private static async Task ReopenFromAsync(SqlSession session, long id, long former)
        => await session.ExecuteAsync("UPDATE tasks SET reopened_from = @former WHERE id = @id AND reopened_from IS NULL", ("id", id), ("former", former)).ConfigureAwait(false);

    /// <summary>What was bought in place of the attempt that a purchase replaces, or of its own earlier ones; or by those that it replaces in turn.</summary>
    /// <param name="session">The session.</param>
    /// <param name="intent">The purchase.</param>
    /// <param name="replaced">The attempt that it replaces, as it is recorded.</param>
    /// <param name="current">The local id of its own attempt that is under way.</param>
    public static async Task<KlingVideoTask?> FindAsync(SqlSession session, TaskIntent intent, KlingVideoTask? replaced, long? current)
    {
        List<long> own = [.. intent.Former.Select(attempt => attempt.Id)];
        own.AddRange(new[] { intent.Replaces?.Id, replaced?.Id, current }.OfType<long>());

        IReadOnlyList<string> identities = await Spellings.ListIdentitiesAsync(session, intent.Spec, intent.Identity).ConfigureAwait(false);
        long? since = intent.Former is [var first, ..] ? first.Id : null;
        return (await ListAsync(session, intent.Account, identities, own, since, intent.RecordedRunId).ConfigureAwait(false)).FirstOrDefault()
            ?? (replaced is null ? null : await FindAsync(session, replaced, own).ConfigureAwait(false));
    }

    /// <summary>What was bought in place of an attempt, or by those that it replaces.</summary>
    /// <param name="session">The session.</param>
    /// <param name="attempt">
    /// The attempt. If it has never counted as not bought, nothing has taken its place. As long as its outcome is not known, a task that was
    /// looked up by its id is left out: that may be what the attempt has bought.
    /// </param>
    /// <param name="except">The local ids of tasks that do not count.</param>
    public static async Task<KlingVideoTask?> FindAsync(SqlSession session, KlingVideoTask attempt, IReadOnlyCollection<long>? except = null)
    {
        if (attempt.Identity is null)
        {
            return null;
        }

        (long? since, string? run) = (await session.QueryAsync(
            "SELECT reopened_from, run_id FROM tasks WHERE id = @id",
            row => (row.NumberOrNull("reopened_from"), row.TextOrNull("run_id")),
            ("id", attempt.Id)).ConfigureAwait(false)).Single();

        IReadOnlyList<string> identities = await ListIdentitiesAsync(session, attempt).ConfigureAwait(false);
        return (await ListAsync(session, attempt.Account, identities, [attempt.Id], since, run).ConfigureAwait(false))
            .Find(task => (attempt.TaskState != KlingTaskState.Unknown || task.Nonce is not null) && except?.Contains(task.Id) != true);
    }

    /// <summary>See <see cref="Spellings.ListIdentitiesAsync"/>. Other spellings are known only of a video that is recorded with all that it was made from.</summary>
    public static async Task<IReadOnlyList<string>> ListIdentitiesAsync(SqlSession session, KlingVideoTask attempt)
        => attempt.Identity is not string identity ? []
            : attempt.IsDescribed && attempt.Spec.Sources.All(source => source.Source is not { IsFile: true, Hash: null })
                ? await Spellings.ListIdentitiesAsync(session, attempt.Spec, identity).ConfigureAwait(false)
            : [identity];

    /// <summary>All that was bought in place of one of several attempts, or by those that they replace, the best first.</summary>
    /// <param name="session">The session.</param>
    /// <param name="account">The account.</param>
    /// <param name="identities">See <see cref="Spellings.ListIdentitiesAsync"/>.</param>
    /// <param name="attempts">The local ids of the attempts.</param>
    /// <param name="since">The local id after which a request of another command counts; <see langword="null"/> if only replacements count.</param>
    /// <param name="run">The run of the attempts.</param>
    private static async Task<List<KlingVideoTask>> ListAsync(
        SqlSession session, string account, IReadOnlyList<string> identities, IReadOnlyCollection<long> attempts, long? since, string? run)
    {
        Dictionary<long, KlingVideoTask> same = (await TaskTable.ListByIdentitiesAsync(session, account, identities, "t.id > 0").ConfigureAwait(false)).ToDictionary(task => task.Id);
        HashSet<long> line = await ListLineAsync().ConfigureAwait(false);
        List<KlingVideoTask> purchases = await TaskTable.ListByIdentitiesAsync(
            session, account, identities, $"{TaskTable.IsPurchase} {TaskTable.BestFirst}").ConfigureAwait(false);
        List<KlingVideoTask> later = await TaskTable.ListByIdentitiesAsync(
            session,
            account,
            identities,
            "t.id > @since AND (t.run_id IS NULL OR t.run_id <> @run)",
            ("since", since),
            ("run", run ?? string.Empty)).ConfigureAwait(false);
        return purchases.FindAll(task => !attempts.Contains(task.Id) && (line.Contains(task.Id) ? task.TaskId is not null : HasTakenPlace(task)));

        // The attempts, what they replace, what that has replaced, and so on. If the record of one is gone, it may have been restored, and have
        // replaced any that was lost before.
        async Task<HashSet<long>> ListLineAsync()
        {
            HashSet<long> line = [.. attempts];
            var open = new Queue<long>(line);
            while (open.TryDequeue(out long id))
            {
                IEnumerable<long> replaced = same.TryGetValue(id, out KlingVideoTask? task)
                    ? task.Replaces is long earlier ? [earlier] : []
                    : (await TaskTable.ListByIdentitiesAsync(session, account, identities, "t.reopened_from <= @id", ("id", id)).ConfigureAwait(false)).Select(restored => restored.Id);
                foreach (long other in replaced.Where(line.Add))
                {
                    open.Enqueue(other);
                }
            }

            return line;
        }

        bool HasTakenPlace(KlingVideoTask task)
        {
            var left = new Dictionary<long, KlingVideoTask>(same);
            while (task.Replaces is long replaced)
            {
                if (line.Contains(replaced))
                {
                    return true;
                }

                if (!left.Remove(replaced, out KlingVideoTask? former))
                {
                    return task.Id > since;
                }

                task = former;
            }

            return later.Exists(other => other.Id == task.Id);
        }
    }
}

namespace KlingPS.Core.Ledger.Sql;

/// <summary>
/// Where videos were saved to, or are about to be. Paths belong to machines: where several of them share a ledger, each has its own, and
/// knows a video of another one by its content alone. In a ledger whose paths are everybody's they are in the tasks themselves.
/// </summary>
internal static class SavedFiles
{
    /// <summary>See <see cref="ITaskJournal.ListSavedPathsAsync"/>.</summary>
    /// <remarks>
    /// The files are found by their hashes: SQLite takes those of a machine for few, and would look through all tasks for each of them, so
    /// the machine is not compared in a form that an index has.
    /// </remarks>
    public static async Task<IReadOnlyList<SavedPath>> ListAsync(SqlSession session) => await session.QueryAsync(
        """
        SELECT saved_path AS path, id, saved_hash AS hash, 1 AS certain FROM tasks WHERE saved_path IS NOT NULL
        UNION
        SELECT saving_path, id, saving_hash, 0 FROM tasks WHERE saving_path IS NOT NULL
        UNION
        SELECT saved_path, task, saved_hash, 1 FROM saved_files WHERE machine = @machine AND saved_path IS NOT NULL
        UNION
        SELECT saving_path, task, saving_hash, 0 FROM saved_files WHERE machine = @machine AND saving_path IS NOT NULL
        UNION
        SELECT h.path, t.id, h.hash, 1 FROM machine_hashes h JOIN tasks t ON t.saved_hash = h.hash WHERE h.machine || '' = @machine
        """,
        row => new SavedPath(row.Text("path"), row.Number("id"), row.Text("hash"), row.Number("certain") == 1),
        ("machine", session.Machine)).ConfigureAwait(false);

    /// <summary>Records the file that is about to get the name of a video.</summary>
    public static Task<int> BeginSavingAsync(SqlSession session, long id, string path, string hash) => session.Machine.Length == 0
        ? session.ExecuteAsync("UPDATE tasks SET saving_path = @path, saving_hash = @hash WHERE id = @id", ("id", id), ("path", path), ("hash", hash))
        : session.ExecuteAsync(
            """
            INSERT INTO saved_files (task, machine, saving_path, saving_hash) VALUES (@id, @machine, @path, @hash)
            ON CONFLICT (task, machine) DO UPDATE SET saving_path = excluded.saving_path, saving_hash = excluded.saving_hash
            """,
            ("id", id),
            ("machine", session.Machine),
            ("path", path),
            ("hash", hash));

    /// <summary>Records the file that has the name of a video.</summary>
    public static Task<int> RecordAsync(SqlSession session, long id, string path, string hash) => session.Machine.Length == 0
        ? session.ExecuteAsync("UPDATE tasks SET saved_path = @path, saving_path = NULL, saving_hash = NULL WHERE id = @id", ("id", id), ("path", path))
        : session.ExecuteAsync(
            """
            INSERT INTO saved_files (task, machine, saved_path, saved_hash) VALUES (@id, @machine, @path, @hash)
            ON CONFLICT (task, machine) DO UPDATE SET
                saved_path = excluded.saved_path, saved_hash = excluded.saved_hash, saving_path = NULL, saving_hash = NULL
            """,
            ("id", id),
            ("machine", session.Machine),
            ("path", path),
            ("hash", hash));

    /// <summary>Gives the files of a task to another one, of which it turns out to be a part.</summary>
    public static async Task MoveAsync(SqlSession session, long from, long to)
    {
        (string, object?)[] values = [("from", from), ("to", to)];
        await session.ExecuteAsync(
            """
            UPDATE tasks SET saved_path = COALESCE((SELECT saved_path FROM tasks WHERE id = @from), saved_path),
                saving_path = COALESCE((SELECT saving_path FROM tasks WHERE id = @from), saving_path),
                saving_hash = COALESCE((SELECT saving_hash FROM tasks WHERE id = @from), saving_hash)
            WHERE id = @to
            """,
            values).ConfigureAwait(false);
        await session.ExecuteAsync("UPDATE saved_files SET task = @to WHERE task = @from", values).ConfigureAwait(false);
    }

    /// <summary>
    /// Makes the paths of a copied ledger into those of this one. What was everybody's in a file becomes this machine's, whose file it was;
    /// and the other way round, what is this machine's becomes everybody's. Those of other machines stay theirs.
    /// </summary>
    /// <param name="session">A transaction of the copy.</param>
    /// <param name="machine">See <see cref="DatabaseConnection.Machine"/>, of the ledger that was copied.</param>
    public static async Task MoveAllAsync(SqlSession session, string machine)
    {
        if (machine == session.Machine)
        {
            return;
        }

        if (machine.Length == 0)
        {
            await session.ExecuteAsync(
                """
                INSERT INTO saved_files (task, machine, saved_path, saved_hash, saving_path, saving_hash)
                    SELECT id, @machine, saved_path, CASE WHEN saved_path IS NOT NULL THEN saved_hash END, saving_path, saving_hash FROM tasks
                    WHERE saved_path IS NOT NULL OR saving_path IS NOT NULL
                ON CONFLICT (task, machine) DO UPDATE SET saved_path = excluded.saved_path, saved_hash = excluded.saved_hash,
                    saving_path = excluded.saving_path, saving_hash = excluded.saving_hash
                """,
                ("machine", session.Machine)).ConfigureAwait(false);
            await session.ExecuteAsync(
                "UPDATE tasks SET saved_path = NULL, saving_path = NULL, saving_hash = NULL WHERE saved_path IS NOT NULL OR saving_path IS NOT NULL").ConfigureAwait(false);
        }
        else if (session.Machine.Length == 0)
        {
            await session.ExecuteAsync(
                """
                UPDATE tasks SET saved_path = (SELECT f.saved_path FROM saved_files f WHERE f.task = tasks.id AND f.machine = @machine),
                    saved_hash = COALESCE((SELECT f.saved_hash FROM saved_files f WHERE f.task = tasks.id AND f.machine = @machine), saved_hash),
                    saving_path = (SELECT f.saving_path FROM saved_files f WHERE f.task = tasks.id AND f.machine = @machine),
                    saving_hash = (SELECT f.saving_hash FROM saved_files f WHERE f.task = tasks.id AND f.machine = @machine)
                WHERE id IN (SELECT f.task FROM saved_files f WHERE f.machine = @machine)
                """,
                ("machine", machine)).ConfigureAwait(false);
            await session.ExecuteAsync("DELETE FROM saved_files WHERE machine = @machine", ("machine", machine)).ConfigureAwait(false);
        }
        else
        {
            // Two servers, and one machine.
            return;
        }

        await session.ExecuteAsync("UPDATE machine_hashes SET machine = @to WHERE machine = @from", ("from", machine), ("to", session.Machine)).ConfigureAwait(false);
    }

    /// <summary>Forgets the files of a task on every machine.</summary>
    public static Task<int> DeleteAsync(SqlSession session, long id) => session.ExecuteAsync("DELETE FROM saved_files WHERE task = @id", ("id", id));
}

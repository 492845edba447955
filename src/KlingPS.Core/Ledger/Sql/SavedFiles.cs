using System.Globalization;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>
/// Where videos were saved, or are about to be. Paths belong to machines: if several machines share a ledger, each has its own paths, and
/// recognizes a video of another machine only by its content. If the paths in a ledger are everybody's, they are in the tasks themselves.
/// </summary>
internal static class SavedFiles
{
    private const int NamesPerQuery = 100;

    /// <summary>See <see cref="ITaskJournal.ListSavedPathsAsync(CancellationToken)"/>.</summary>
    /// <remarks>
    /// The files are found by their hashes. SQLite assumes that a machine has few, and would search all tasks for each of them, so
    /// the machine is compared in a form that no index has.
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
        ReadPath,
        ("machine", session.Machine)).ConfigureAwait(false);

    /// <summary>See <see cref="ITaskJournal.ListSavedPathsAsync(IReadOnlyCollection{string}, CancellationToken)"/>.</summary>
    /// <remarks>A CROSS JOIN makes SQLite begin with the names: it does not know that there are only a few.</remarks>
    public static async Task<IReadOnlyList<SavedPath>> ListAsync(SqlSession session, IReadOnlyCollection<string> paths)
    {
        string?[] names = [.. paths.Select(SavedNames.NameOf).Distinct()];
        if (names.Contains(null))
        {
            return await ListAsync(session).ConfigureAwait(false);
        }

        var saved = new List<SavedPath>();
        foreach (string?[] some in names.Chunk(NamesPerQuery))
        {
            // One statement for a single name, and one for several.
            (string Name, object? Value)[] values = [.. Enumerable.Range(0, some.Length == 1 ? 1 : NamesPerQuery).Select(
                index => (string.Create(CultureInfo.InvariantCulture, $"name{index}"), (object?)some[Math.Min(index, some.Length - 1)]))];
            string named = $"""
                (SELECT path FROM saved_names WHERE name IN ({string.Join(", ", values.Select(value => "@" + value.Name))})
                UNION ALL SELECT path FROM saved_names WHERE name IS NULL) n
                """;
            saved.AddRange(await session.QueryAsync(
                $"""
                SELECT t.saved_path AS path, t.id, t.saved_hash AS hash, 1 AS certain FROM {named} CROSS JOIN tasks t WHERE t.saved_path = n.path
                UNION
                SELECT t.saving_path, t.id, t.saving_hash, 0 FROM {named} CROSS JOIN tasks t WHERE t.saving_path = n.path
                UNION
                SELECT f.saved_path, f.task, f.saved_hash, 1 FROM {named} CROSS JOIN saved_files f WHERE f.saved_path = n.path AND f.machine = @machine
                UNION
                SELECT f.saving_path, f.task, f.saving_hash, 0 FROM {named} CROSS JOIN saved_files f WHERE f.saving_path = n.path AND f.machine = @machine
                UNION
                SELECT h.path, t.id, h.hash, 1 FROM {named} CROSS JOIN machine_hashes h CROSS JOIN tasks t
                WHERE h.machine = @machine AND h.path = n.path AND t.saved_hash = h.hash
                """,
                ReadPath,
                [.. values, ("machine", session.Machine)]).ConfigureAwait(false));
        }

        return saved;
    }

    /// <summary>See <see cref="ITaskJournal.IsSavedForAnotherAsync"/>.</summary>
    public static async Task<bool> IsSavedForAnotherAsync(SqlSession session, string hash, long? id) => await session.NumberAsync(
        """
        SELECT 1 FROM (
            SELECT t.id FROM tasks t WHERE t.saved_hash = @hash AND t.id <> @id
                AND (t.saved_path IS NOT NULL OR EXISTS (SELECT 1 FROM machine_hashes h WHERE h.hash = @hash AND h.machine || '' = @machine))
            UNION ALL
            SELECT t.id FROM tasks t WHERE t.saving_hash = @hash AND t.saving_path IS NOT NULL AND t.id <> @id
            UNION ALL
            SELECT f.task FROM saved_files f WHERE f.saved_hash = @hash AND f.saved_path IS NOT NULL AND f.machine = @machine AND f.task <> @id
            UNION ALL
            SELECT f.task FROM saved_files f WHERE f.saving_hash = @hash AND f.saving_path IS NOT NULL AND f.task <> @id) o
        LIMIT 1
        """,
        ("hash", hash),
        ("id", id ?? 0),
        ("machine", session.Machine)).ConfigureAwait(false) is not null;

    /// <summary>See <see cref="ITaskJournal.FindSavingHashAsync"/>.</summary>
    public static async Task<string?> FindSavingHashAsync(SqlSession session, long id) => (await session.QueryAsync(
        """
        SELECT saving_hash AS hash, 0 AS other FROM tasks WHERE id = @id AND saving_hash IS NOT NULL
        UNION ALL
        SELECT saving_hash, CASE WHEN machine = @machine THEN 0 ELSE 1 END FROM saved_files WHERE task = @id AND saving_hash IS NOT NULL
        ORDER BY other
        """,
        row => row.Text("hash"),
        ("id", id),
        ("machine", session.Machine)).ConfigureAwait(false)).FirstOrDefault();

    /// <summary>Records the file that is about to get the name of a video.</summary>
    public static async Task BeginSavingAsync(SqlSession session, long id, string path, string hash)
    {
        await WriteSavingAsync(session, id, path, hash).ConfigureAwait(false);
        await SavedNames.NameAsync(session, path).ConfigureAwait(false);
    }

    /// <summary>Records the file that has the name of a video.</summary>
    public static async Task RecordAsync(SqlSession session, long id, string path, string hash)
    {
        await WriteSavedAsync(session, id, path, hash).ConfigureAwait(false);
        await SavedNames.NameAsync(session, path).ConfigureAwait(false);
    }

    /// <summary>Records what a video holds that some machine has saved.</summary>
    public static Task<int> RecordContentAsync(SqlSession session, long id, string hash)
        => session.ExecuteAsync("UPDATE tasks SET saved_hash = @hash WHERE id = @id AND saved_hash IS NULL", ("id", id), ("hash", hash));

    /// <summary>Moves the files of a task to another task that it turns out to be part of.</summary>
    public static async Task MoveAsync(SqlSession session, long from, long to)
    {
        (string, object?)[] values = [("from", from), ("to", to)];
        await session.ExecuteAsync(
            """
            UPDATE tasks SET saved_path = COALESCE((SELECT saved_path FROM tasks WHERE id = @from), saved_path),
                saved_hash = COALESCE((SELECT saved_hash FROM tasks WHERE id = @from), saved_hash),
                saving_path = COALESCE((SELECT saving_path FROM tasks WHERE id = @from), saving_path),
                saving_hash = COALESCE((SELECT saving_hash FROM tasks WHERE id = @from), saving_hash)
            WHERE id = @to
            """,
            values).ConfigureAwait(false);
        await session.ExecuteAsync(
            """
            INSERT INTO saved_files (task, machine, saved_path, saved_hash, saving_path, saving_hash)
                SELECT @to, machine, saved_path, saved_hash, saving_path, saving_hash FROM saved_files WHERE task = @from
            ON CONFLICT (task, machine) DO UPDATE SET saved_path = COALESCE(excluded.saved_path, saved_files.saved_path),
                saved_hash = COALESCE(excluded.saved_hash, saved_files.saved_hash),
                saving_path = COALESCE(excluded.saving_path, saved_files.saving_path),
                saving_hash = COALESCE(excluded.saving_hash, saved_files.saving_hash)
            """,
            values).ConfigureAwait(false);
    }

    /// <summary>
    /// Turns the paths of a copied ledger into those of this one. In a copy of a file, everybody's paths become those of this machine, whose file it was;
    /// the other way round, this machine's paths become everybody's. Paths of other machines stay theirs.
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

        // Both may know a file of the same path, if the ledger has been that of several machines before. What was recorded last counts.
        (string, object?)[] machines = [("from", machine), ("to", session.Machine)];
        await session.ExecuteAsync(
            """
            DELETE FROM machine_hashes WHERE machine IN (@from, @to) AND EXISTS (
                SELECT 1 FROM machine_hashes o WHERE o.machine IN (@from, @to) AND o.path = machine_hashes.path
                    AND (o.recorded_at, o.machine) > (machine_hashes.recorded_at, machine_hashes.machine))
            """,
            machines).ConfigureAwait(false);
        await session.ExecuteAsync("UPDATE machine_hashes SET machine = @to WHERE machine = @from", machines).ConfigureAwait(false);
    }

    /// <summary>Forgets the files of a task on every machine.</summary>
    public static Task<int> DeleteAsync(SqlSession session, long id) => session.ExecuteAsync("DELETE FROM saved_files WHERE task = @id", ("id", id));

    private static SavedPath ReadPath(SqlRow row) => new(row.Text("path"), row.Number("id"), row.Text("hash"), row.Number("certain") == 1);

    private static Task<int> WriteSavingAsync(SqlSession session, long id, string path, string hash) => session.Machine.Length == 0
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

    private static Task<int> WriteSavedAsync(SqlSession session, long id, string path, string hash) => session.Machine.Length == 0
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
}

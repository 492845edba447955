using System.Buffers;
using System.Globalization;
using System.Text;
using KlingPS.Core.Files;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>
/// Every path that a video was saved to, or is about to be, by the name of the file: an existing file is looked up by its name, in
/// any spelling and folder, rather than among all that were ever saved.
/// </summary>
/// <remarks>
/// <para>
/// The database itself lists the paths, whichever version of the module records them. It can only name those that are spelled in plain characters,
/// because SQL does not know how others are composed, or all that have an upper case; this module names the rest (<see cref="NameAllAsync"/>). A
/// path without a name, as an earlier version may leave behind, is considered in every search.
/// </para>
/// <para>
/// A path here may no longer be that of a video, and a file of the same name may be another one: that is decided by the records and by
/// <see cref="Saving.SavedVideos"/>.
/// </para>
/// </remarks>
internal static class SavedNames
{
    /// <summary>The first version of the tables that has these names.</summary>
    public const int Since = 8;

    /// <summary>Characters that do not compose with others, and whose upper case every database knows.</summary>
    private const string Plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ._-()";

    /// <summary>What comes after the last separator of either kind.</summary>
    private const string FileName = @"SUBSTR(p.path, LENGTH(RTRIM(p.path, REPLACE(REPLACE(p.path, '/', ''), '\', ''))) + 1)";

    /// <summary>How many names are written in one statement: a server may be far away.</summary>
    private const int NamesPerStatement = 100;

    private static readonly SearchValues<char> s_plain = SearchValues.Create(Plain);

    /// <summary>A runtime without Unicode data, as in many containers, leaves every text as it is.</summary>
    private static readonly bool s_composes = "e\u0301".Normalize(NormalizationForm.FormC) == "\u00E9";

    /// <summary>The statements that make the table, fill it, and keep it complete. Part of a released migration: never changed.</summary>
    public static IReadOnlyList<string> Creation { get; } =
    [
        "CREATE TABLE saved_names (path TEXT PRIMARY KEY, name TEXT)",
        "CREATE INDEX tasks_by_saved_path ON tasks (saved_path) WHERE saved_path IS NOT NULL",
        "CREATE INDEX tasks_by_saved_hash ON tasks (saved_hash) WHERE saved_hash IS NOT NULL",
        "CREATE INDEX tasks_by_saving_hash ON tasks (saving_hash) WHERE saving_hash IS NOT NULL",
        "CREATE INDEX saved_files_by_path ON saved_files (saved_path) WHERE saved_path IS NOT NULL",
        "CREATE INDEX saved_files_by_hash ON saved_files (saved_hash) WHERE saved_hash IS NOT NULL",
        "CREATE INDEX saved_files_saving ON saved_files (saving_path) WHERE saving_path IS NOT NULL",
        "CREATE INDEX saved_files_by_saving_hash ON saved_files (saving_hash) WHERE saving_hash IS NOT NULL",
        Filling,
        "CREATE INDEX saved_names_by_name ON saved_names (name, path)",
        .. Keeping("tasks", "NEW.saved_path IS NOT NULL OR NEW.saving_path IS NOT NULL OR NEW.saved_hash IS NOT NULL", """
            SELECT t.saved_path AS path FROM tasks t WHERE t.id = NEW.id
            UNION ALL SELECT t.saving_path FROM tasks t WHERE t.id = NEW.id
            UNION ALL SELECT h.path FROM machine_hashes h WHERE h.hash = NEW.saved_hash
            """),
        .. Keeping("saved_files", "NEW.saved_path IS NOT NULL OR NEW.saving_path IS NOT NULL", """
            SELECT f.saved_path AS path FROM saved_files f WHERE f.task = NEW.task AND f.machine = NEW.machine
            UNION ALL SELECT f.saving_path FROM saved_files f WHERE f.task = NEW.task AND f.machine = NEW.machine
            """),
        .. Keeping("machine_hashes", "NEW.hash IS NOT NULL", """
            SELECT h.path FROM machine_hashes h
            WHERE h.machine = NEW.machine AND h.path = NEW.path AND EXISTS (SELECT 1 FROM tasks t WHERE t.saved_hash = h.hash)
            """),
    ];

    /// <summary>Lists the paths of all records.</summary>
    internal static string Filling => List("""
        SELECT t.saved_path AS path FROM tasks t
        UNION SELECT t.saving_path FROM tasks t
        UNION SELECT f.saved_path FROM saved_files f
        UNION SELECT f.saving_path FROM saved_files f
        UNION SELECT h.path FROM machine_hashes h WHERE EXISTS (SELECT 1 FROM tasks t WHERE t.saved_hash = h.hash)
        """);

    /// <summary>
    /// What the paths of files with similar names (<see cref="NameRule.IsAlike"/>) have in common, whatever system they were recorded on.
    /// </summary>
    /// <returns><see langword="null"/> if this runtime cannot tell: the name may be like any other.</returns>
    public static string? NameOf(string path)
    {
        string name = FileNameOf(path);
        return s_composes || IsPlain(name) ? NameRule.Composed(name).ToUpperInvariant() : null;
    }

    /// <summary>Names the paths that have no name yet, after a path was recorded.</summary>
    public static Task NameAsync(SqlSession session, string path) => IsPlain(FileNameOf(path)) ? Task.CompletedTask : NameAsync(session, pages: 1);

    /// <summary>Names the paths that have no name yet.</summary>
    public static Task NameAllAsync(SqlSession session) => NameAsync(session, int.MaxValue);

    private static async Task NameAsync(SqlSession session, int pages)
    {
        string last = string.Empty;
        for (int page = 0; s_composes && page < pages; page++)
        {
            List<string> paths = await session.QueryAsync(
                "SELECT path FROM saved_names WHERE name IS NULL AND path > @last ORDER BY path LIMIT @limit",
                row => row.Text("path"),
                ("last", last),
                ("limit", (long)NamesPerStatement)).ConfigureAwait(false);
            if (paths.Count > 0)
            {
                string rows = string.Join(", ", paths.Select((_, index) => string.Create(CultureInfo.InvariantCulture, $"(@path{index}, @name{index})")));
                await session.ExecuteAsync(
                    $"INSERT INTO saved_names (path, name) VALUES {rows} ON CONFLICT (path) DO UPDATE SET name = excluded.name",
                    [.. paths.SelectMany((path, index) => (IEnumerable<(string, object?)>)
                    [
                        (string.Create(CultureInfo.InvariantCulture, $"path{index}"), path),
                        (string.Create(CultureInfo.InvariantCulture, $"name{index}"), NameOf(path)),
                    ])]).ConfigureAwait(false);
                last = paths[^1];
            }

            if (paths.Count < NamesPerStatement)
            {
                return;
            }
        }
    }

    private static string FileNameOf(string path) => path[(path.AsSpan().LastIndexOfAny('/', '\\') + 1)..];

    private static bool IsPlain(string name) => !name.AsSpan().ContainsAnyExcept(s_plain);

    /// <summary>A trigger for each way in which a record gets a path. The columns are read from the table, with the collation that its texts have there.</summary>
    private static IEnumerable<string> Keeping(string table, string condition, string paths) => ((string[])["INSERT", "UPDATE"]).Select(cause => $"""
        CREATE TRIGGER {table}_named_at_{cause.ToLowerInvariant()} AFTER {cause} ON {table} FOR EACH ROW
        WHEN ({condition})
        BEGIN
            {List(paths)};
        END
        """);

    private static string List(string paths) => $"""
        INSERT INTO saved_names (path, name)
            SELECT p.path, CASE WHEN LTRIM({FileName}, '{Plain}') = '' THEN UPPER({FileName}) END FROM ({paths}) p WHERE p.path IS NOT NULL
            ON CONFLICT (path) DO NOTHING
        """;
}

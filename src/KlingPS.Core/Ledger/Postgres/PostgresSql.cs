using System.Collections.Concurrent;
using System.Text;
using System.Text.RegularExpressions;
using KlingPS.Core.Ledger.Sql;

namespace KlingPS.Core.Ledger.Postgres;

/// <summary>
/// Turns the ledger's statements into those of PostgreSQL: the tables are those of one schema, whatever the role's search path is. The path
/// would be state of the connection, which a pooler passes on to others; and if two roles had different paths, there would be two ledgers.
/// </summary>
internal sealed partial class PostgresSql
{
    /// <summary>The tables that only this engine has.</summary>
    public static readonly IReadOnlyList<string> OwnTables =
    [
        // The number of the last transaction of each connection: it shows whether one whose commit was not answered was committed.
        "CREATE TABLE IF NOT EXISTS writers (id TEXT PRIMARY KEY, number BIGINT NOT NULL, at BIGINT NOT NULL)",
    ];

    private static readonly HashSet<string> s_tables = [.. Schema.Statements.Concat(OwnTables).Select(sql => TableCreation().Match(sql)).Where(match => match.Success).Select(match => match.Groups[1].Value)];

    private readonly ConcurrentDictionary<string, string> _translated = new(StringComparer.Ordinal);
    private readonly string _prefix;

    /// <param name="schema">The schema that has the tables.</param>
    public PostgresSql(string schema)
    {
        QuotedSchema = Quote(schema);
        _prefix = QuotedSchema + ".";
    }

    /// <summary>The schema, quoted.</summary>
    public string QuotedSchema { get; }

    /// <summary>The name of a sequence, quoted.</summary>
    public string Sequence(string counter) => $"{_prefix}{counter}_ids";

    /// <summary>The statement in the form that PostgreSQL takes.</summary>
    public string Translate(string sql) => _translated.GetOrAdd(sql, Create);

    /// <summary>A text as PostgreSQL can store it: without the character 0 and without half characters.</summary>
    public static object? ToStored(object? value)
        => value is string text && (text.Contains('\0', StringComparison.Ordinal) || text.Any(char.IsSurrogate))
            ? Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text.Replace('\0', '\uFFFD')))
            : value;

    private static string Quote(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private string Create(string sql)
    {
        // Whoever runs the server decides whether a backslash in a literal is one.
        sql = sql.Replace(@"'\'", "CHR(92)", StringComparison.Ordinal);
        string qualified = TableUse().Replace(sql, match => s_tables.Contains(match.Groups[2].Value) ? match.Groups[1].Value + _prefix + match.Groups[2].Value : match.Value);

        // Numbers all have one size; texts are compared by their bytes, as in SQLite.
        return qualified.StartsWith("CREATE TABLE ", StringComparison.Ordinal) || qualified.StartsWith("ALTER TABLE ", StringComparison.Ordinal)
            ? TextType().Replace(qualified, "TEXT COLLATE \"C\"").Replace(" INTEGER", " BIGINT", StringComparison.Ordinal)
            : TriggerCreation().Replace(qualified, match => CreateTrigger(match.Groups[1].Value, match.Groups[2].Value, match.Groups[3].Value));
    }

    /// <summary>In PostgreSQL, a trigger runs a function.</summary>
    private string CreateTrigger(string name, string cause, string body) => $"""
        CREATE OR REPLACE FUNCTION {_prefix}{name}() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN {body} RETURN NULL; END $body$;
        CREATE TRIGGER {name} {cause} EXECUTE FUNCTION {_prefix}{name}()
        """;

    [GeneratedRegex(@"^CREATE TABLE (?:IF NOT EXISTS )?([a-z_]+)")]
    private static partial Regex TableCreation();

    [GeneratedRegex(@"(\b(?:FROM|JOIN|INTO|UPDATE|ON|TABLE(?: IF (?:NOT )?EXISTS)?)\s+)([a-z_]+)\b")]
    private static partial Regex TableUse();

    [GeneratedRegex(@"^CREATE TRIGGER ([a-z_]+) (.*?)\bBEGIN\b(.*)\bEND$", RegexOptions.Singleline)]
    private static partial Regex TriggerCreation();

    [GeneratedRegex(@"(?<= )TEXT\b")]
    private static partial Regex TextType();
}
